/*
 * anvil_pass.c - policyd's end of the hand-over: takes smtpd connections from
 * the helper and makes sessions of them.
 *
 * TAKEN is sent before the session begins, because its failure is how policyd
 * learns that the helper has taken its offer back (policyd may have hung for
 * an hour in between): the descriptor is then closed unread, and the session
 * stays with the helper. Any other offer that is not as agreed is one log
 * line; the helper goes on by itself.
 */
#include "policyd/anvil_pass.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "policyd/anvil_session.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OFFERS_MAX      1024 /* more at once are turned away */
#define DESCRIPTORS_MAX 4    /* in one message; all but one is an error */

struct offer {
    struct offer *next, **link;
    struct anvil_pass *owner;
    struct event readable;
    int fd;
};

struct anvil_pass {
    struct event_base *base;
    struct anvil_sessions *sessions;
    struct offer *first;
    size_t count;
};

struct anvil_pass *anvil_pass_new(
    struct event_base *base, struct anvil_sessions *sessions)
{
    struct anvil_pass *pass = xcalloc(1, sizeof *pass);

    pass->base = base;
    pass->sessions = sessions;
    return pass;
}

static void offer_free(struct offer *offer)
{
    event_del(&offer->readable);
    close(offer->fd);
    *offer->link = offer->next;
    if (offer->next != NULL)
        offer->next->link = offer->link;
    offer->owner->count--;
    free(offer);
}

void anvil_pass_free(struct anvil_pass **pass)
{
    if (*pass == NULL)
        return;
    while ((*pass)->first != NULL)
        offer_free((*pass)->first);
    free(*pass);
    *pass = NULL;
}

/* The only descriptor of a message; others are closed, and it is an error. */
static int only_descriptor(struct msghdr *message)
{
    int found[DESCRIPTORS_MAX];
    size_t count = 0;

    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
         control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level != SOL_SOCKET ||
            control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n && count < DESCRIPTORS_MAX; i++)
            memcpy(&found[count++], CMSG_DATA(control) + i * sizeof(int),
                sizeof(int));
    }
    if (count == 1 && (message->msg_flags & MSG_CTRUNC) == 0)
        return found[0];
    while (count > 0)
        close(found[--count]);
    return -1;
}

/* *descriptor_r is -1 where the message has none. */
static ssize_t receive(int fd, char *byte_r, int *descriptor_r)
{
    union {
        struct cmsghdr header; /* for its alignment */
        char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec bytes = {.iov_base = byte_r, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    *descriptor_r = got > 0 ? only_descriptor(&message) : -1;
    return got;
}

/* Postfix talks to anvil over a unix stream, so nothing else is taken. */
static bool is_unix_stream(int fd)
{
    int domain = 0, type = 0;
    socklen_t domain_len = sizeof domain, type_len = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 &&
           domain == AF_UNIX && type == SOCK_STREAM;
}

static bool set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void offer_take(struct offer *offer, char byte, int descriptor)
{
    const char taken = ANVIL_PASS_TAKEN;

    if ((byte != ANVIL_PASS_NEW && byte != ANVIL_PASS_GREETED) ||
        descriptor == -1 || !is_unix_stream(descriptor) ||
        !set_nonblocking(descriptor)) {
        log_warn("anvil-pass: an offer that is no connection of an smtpd");
    } else if (send(offer->fd, &taken, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
        anvil_sessions_add(
            offer->owner->sessions, descriptor, byte == ANVIL_PASS_GREETED);
        return;
    }
    if (descriptor != -1)
        close(descriptor);
}

static void anvil_pass_on_readable(
    evutil_socket_t fd, short what, void *context)
{
    struct offer *offer = context;
    int descriptor;
    char byte;

    if (what & EV_READ) {
        ssize_t got = receive(fd, &byte, &descriptor);
        if (got == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got == 1)
            offer_take(offer, byte, descriptor);
    }
    offer_free(offer);
}

void anvil_pass_add(struct anvil_pass *pass, int fd)
{
    const struct timeval patience = {
        .tv_sec = ANVIL_PASS_TIMEOUT_MS / 1000,
        .tv_usec = ANVIL_PASS_TIMEOUT_MS % 1000 * 1000,
    };
    struct offer *offer;

    if (pass->count == OFFERS_MAX) {
        close(fd);
        return;
    }
    offer = xcalloc(1, sizeof *offer);
    offer->owner = pass;
    offer->fd = fd;
    offer->next = pass->first;
    offer->link = &pass->first;
    if (pass->first != NULL)
        pass->first->link = &offer->next;
    pass->first = offer;
    pass->count++;
    event_assign(&offer->readable, pass->base, fd, EV_READ | EV_PERSIST,
        anvil_pass_on_readable, offer);
    if (event_add(&offer->readable, &patience) == -1)
        offer_free(offer);
}
