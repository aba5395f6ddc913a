/*
 * acceptor.c - takes connections from a listening socket, fairly.
 *
 * Knows no protocol and no path. A descriptor shortage is the one error that
 * would repeat at once for ever: the connection stays in the queue and the
 * socket stays readable, so it waits without watching the socket.
 */
#include "common/net/acceptor.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/inet_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCEPT_BATCH    64
#define PAUSE_MS        100
#define LOG_INTERVAL_MS 60000

/* Lets one line a minute through and counts the others. */
struct log_gate {
    uint64_t next_ms;
    uint64_t kept_back;
};

struct acceptor {
    struct acceptor_options options;
    int fd;
    struct event *readable, *pause_end;
    struct log_gate exhausted, refused;
    bool *is_freed; /* set while on_accept may free us; else NULL */
};

static bool log_gate_opens(struct log_gate *gate, uint64_t *kept_back_r)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms < gate->next_ms) {
        gate->kept_back++;
        return false;
    }
    *kept_back_r = gate->kept_back;
    *gate = (struct log_gate){.next_ms = now_ms + LOG_INTERVAL_MS};
    return true;
}

static bool peer_is_allowed(
    struct acceptor *acceptor, const struct sockaddr *name)
{
    struct address peer;
    if (acceptor->options.allowed_peers == NULL)
        return true;
    if (address_from_sockaddr(name, &peer, NULL) &&
        cidr_list_contains(acceptor->options.allowed_peers, &peer))
        return true;

    char text[ADDRESS_TEXT_SIZE];
    uint64_t kept_back;
    if (log_gate_opens(&acceptor->refused, &kept_back))
        log_warn("%s: connection from %s closed: not in allowed_peers "
                 "(%" PRIu64 " more since the last such line)",
            acceptor->options.name, address_format(&peer, text), kept_back);
    return false;
}

static void acceptor_pause(struct acceptor *acceptor, int error_number)
{
    uint64_t kept_back;
    if (log_gate_opens(&acceptor->exhausted, &kept_back))
        log_error("%s: accept: %s; pausing for %d ms at a time (%" PRIu64
                  " more since the last such line)",
            acceptor->options.name, strerror(error_number), PAUSE_MS,
            kept_back);
    struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    event_del(acceptor->readable);
    event_add(acceptor->pause_end, &pause);
}

static void acceptor_on_pause_end(evutil_socket_t fd, short what, void *context)
{
    struct acceptor *acceptor = context;
    event_add(acceptor->readable, NULL);
}

/* accept(2) on Linux also reports what went wrong with the new connection
 * itself; the next one in the queue may be sound. */
static bool concerns_one_connection(int error_number)
{
    switch (error_number) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

/* False: nothing more to accept now. */
static bool accept_one(struct acceptor *acceptor)
{
    struct sockaddr_storage name = {0};
    struct sockaddr *peer = (struct sockaddr *)&name;
    socklen_t len = sizeof name;
    int fd = accept4(acceptor->fd, peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        if (errno == EAGAIN)
            return false;
        if (concerns_one_connection(errno))
            return true;
        acceptor_pause(acceptor, errno);
        return false;
    }
    if (acceptor->options.is_inet) {
        if (!peer_is_allowed(acceptor, peer)) {
            close(fd);
            return true;
        }
        inet_socket_tune(fd);
    }
    acceptor->options.on_accept(fd, acceptor->options.context);
    return true;
}

static void acceptor_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct acceptor *acceptor = context;
    bool is_freed = false;

    acceptor->is_freed = &is_freed;
    for (int i = 0; i < acceptor->options.batch && accept_one(acceptor); i++)
        if (is_freed)
            return;
    acceptor->is_freed = NULL;
}

struct acceptor *acceptor_new(
    struct event_base *base, int fd, const struct acceptor_options *options)
{
    struct acceptor *acceptor = xcalloc(1, sizeof *acceptor);
    acceptor->options = *options;
    if (acceptor->options.batch == 0)
        acceptor->options.batch = ACCEPT_BATCH;
    acceptor->fd = fd;
    acceptor->readable = event_new(
        base, fd, EV_READ | EV_PERSIST, acceptor_on_readable, acceptor);
    acceptor->pause_end = evtimer_new(base, acceptor_on_pause_end, acceptor);
    if (acceptor->readable == NULL || acceptor->pause_end == NULL ||
        event_add(acceptor->readable, NULL) != 0)
        acceptor_free(&acceptor);
    return acceptor;
}

void acceptor_free(struct acceptor **acceptor)
{
    struct acceptor *old = *acceptor;
    if (old == NULL)
        return;
    if (old->is_freed != NULL)
        *old->is_freed = true;
    if (old->readable != NULL)
        event_free(old->readable);
    if (old->pause_end != NULL)
        event_free(old->pause_end);
    free(old);
    *acceptor = NULL;
}

void acceptor_allow_peers(
    struct acceptor *acceptor, const struct cidr_list *allowed_peers)
{
    acceptor->options.allowed_peers = allowed_peers;
}
