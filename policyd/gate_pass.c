/*
 * gate_pass.c - see gate_pass.h.
 *
 * A full backlog (EAGAIN) is tried again until the deadline. A client that was
 * sent and not taken in time may still lie in the queue of the socket: whoever
 * gives it up shuts its connection down, so that no smtpd can greet it later.
 *
 * Source of the attributes' names and order: Postfix 3.7.11, 3.10.4 and
 * 3.11.7, postscreen(8) and smtpd(8) as measured; Postfix promises neither, so
 * test_gate_smtpd plays them with each version that there is.
 */
#include "policyd/gate_pass.h"

#include "common/base/clock.h"
#include "common/net/descriptor.h"
#include "common/net/unix_connect.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_MS 10

/* "name NUL value NUL", and an empty name at the end. */
size_t gate_pass_format(
    const struct gate_ends *ends, char text_r[GATE_PASS_TEXT_SIZE])
{
    char client[ADDRESS_TEXT_SIZE], server[ADDRESS_TEXT_SIZE];
    int len = snprintf(text_r, GATE_PASS_TEXT_SIZE,
        "client_address%c%s%cclient_port%c%u%c"
        "server_address%c%s%cserver_port%c%u%c%c",
        0, address_format(&ends->client, client), 0, 0,
        (unsigned)ends->client_port, 0, 0,
        address_format(&ends->server, server), 0, 0,
        (unsigned)ends->server_port, 0, 0);

    assert(len > 0 && len < GATE_PASS_TEXT_SIZE);
    return (size_t)len;
}

static bool gate_pass_fail(struct gate_pass *pass, int error)
{
    pass->state = GATE_PASS_AWAY;
    pass->error = error;
    return false;
}

static void gate_pass_on_event(evutil_socket_t, short, void *);

/* Until there is something to read, or for a moment. */
static bool gate_pass_wait(struct gate_pass *pass)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t ms = pass->deadline_ms > now_ms ? pass->deadline_ms - now_ms : 0;

    if (pass->channel == -1 && ms > RETRY_MS)
        ms = RETRY_MS;
    const struct timeval time = clock_span(ms);
    if (pass->event != NULL)
        event_free(pass->event);
    pass->event = event_new(pass->base, pass->channel,
        pass->channel == -1 ? 0 : EV_READ, gate_pass_on_event, pass);
    if (pass->event == NULL || event_add(pass->event, &time) != 0)
        return gate_pass_fail(pass, ENOMEM);
    return true;
}

static bool gate_pass_send(struct gate_pass *pass)
{
    char text[GATE_PASS_TEXT_SIZE];
    size_t len = gate_pass_format(&pass->ends, text);

    if (!descriptor_send(pass->channel, '\0', pass->client_fd) ||
        send(pass->channel, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
            (ssize_t)len)
        return gate_pass_fail(pass, errno);
    return gate_pass_wait(pass);
}

static bool gate_pass_connect(struct gate_pass *pass)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return gate_pass_fail(pass, errno);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", pass->path);
    if (unix_connect(fd, &at)) {
        pass->channel = fd;
        return gate_pass_send(pass);
    }
    int error = errno;
    close(fd);
    return error == EAGAIN ? gate_pass_wait(pass) : gate_pass_fail(pass, error);
}

/* smtpd says nothing and closes; an end with our bytes unread is a reset. */
static void gate_pass_settle(struct gate_pass *pass)
{
    char byte;
    ssize_t len = recv(pass->channel, &byte, 1, MSG_DONTWAIT);

    if (len == 0)
        pass->state = GATE_PASS_TAKEN;
    else if (len > 0)
        gate_pass_fail(pass, EPROTO);
    else if (errno != EAGAIN && errno != EINTR)
        gate_pass_fail(pass, errno);
    else if (clock_monotonic_ms() >= pass->deadline_ms)
        pass->state = GATE_PASS_LATE;
    else
        gate_pass_wait(pass);
}

static void gate_pass_on_event(evutil_socket_t fd, short what, void *context)
{
    struct gate_pass *pass = context;

    if (pass->channel != -1)
        gate_pass_settle(pass);
    else if (clock_monotonic_ms() >= pass->deadline_ms)
        pass->state = GATE_PASS_LATE;
    else
        gate_pass_connect(pass);
    if (pass->state != GATE_PASS_WAITS)
        pass->on_done(pass);
}

bool gate_pass_begin(struct gate_pass *pass)
{
    pass->state = GATE_PASS_WAITS;
    pass->channel = -1;
    pass->event = NULL;
    return gate_pass_connect(pass);
}

void gate_pass_clear(struct gate_pass *pass)
{
    if (pass->base == NULL)
        return;
    if (pass->event != NULL)
        event_free(pass->event);
    if (pass->channel != -1)
        close(pass->channel);
    *pass = (struct gate_pass){.channel = -1};
}
