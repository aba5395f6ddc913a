/*
 * farewell.c - the end of a connection on which something is still to be said.
 *
 * Runs when the loop has ended already, so it waits by itself, for a bounded
 * time; what could not be sent by then is lost, which a caller must be able to
 * bear anyhow.
 */
#include "common/redis/connection_internal.h"

#include "common/base/clock.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits until fd is ready for events; false when the time is up. */
static bool wait_for(int fd, short events, uint64_t until_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    uint64_t now_ms = clock_monotonic_ms();
    return now_ms < until_ms &&
           poll(&poll_fd, 1, (int)(until_ms - now_ms)) == 1;
}

/*
 * A server that finds our end closed may drop what it has not read yet. So
 * half of the connection is closed, and the server's own close awaited: it
 * comes when everything has been executed.
 */
static void connection_flush(struct redis_connection *conn, uint64_t until_ms)
{
    int fd = bufferevent_getfd(conn->bev);
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    char discarded[4096];

    redis_outbox_flush(conn->outbox);
    (void)bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
    (void)evbuffer_unfreeze(output, 1);
    while (evbuffer_get_length(output) > 0)
        if (evbuffer_write(output, fd) <= 0 &&
            (errno != EAGAIN || !wait_for(fd, POLLOUT, until_ms)))
            return;
    (void)shutdown(fd, SHUT_WR);
    while (wait_for(fd, POLLIN, until_ms))
        if (read(fd, discarded, sizeof discarded) <= 0)
            return;
}

void redis_connection_finish(
    struct redis_connection **conn, uint64_t timeout_ms)
{
    if (*conn != NULL && (*conn)->state == READY)
        connection_flush(*conn, clock_monotonic_ms() + timeout_ms);
    redis_connection_free(conn);
}
