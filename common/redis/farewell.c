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
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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

/* -1 and errno EAGAIN, with what to wait for, if it has to wait. */
static int tls_write(SSL *ssl, struct evbuffer *output, short *events_r)
{
    struct evbuffer_iovec chunk;
    if (evbuffer_peek(output, -1, NULL, &chunk, 1) < 1)
        return -1;
    int len = chunk.iov_len > INT_MAX ? INT_MAX : (int)chunk.iov_len;
    ERR_clear_error();
    int sent = SSL_write(ssl, chunk.iov_base, len);
    if (sent > 0) {
        (void)evbuffer_drain(output, (size_t)sent);
        return sent;
    }
    int error = SSL_get_error(ssl, sent);
    *events_r = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
                ? EAGAIN
                : EPIPE;
    return -1;
}

static bool write_all(
    struct evbuffer *output, int fd, SSL *ssl, uint64_t until_ms)
{
    while (evbuffer_get_length(output) > 0) {
        short events = POLLOUT;
        int sent = ssl == NULL ? evbuffer_write(output, fd)
                               : tls_write(ssl, output, &events);
        if (sent <= 0 && (errno != EAGAIN || !wait_for(fd, events, until_ms)))
            return false;
    }
    return true;
}

/*
 * A server that finds our end closed may drop what it has not read yet. So
 * half of the connection is closed, and the server's own close awaited: it
 * comes when everything has been executed.
 */
static void connection_flush(struct redis_connection *conn, uint64_t until_ms)
{
    int fd = bufferevent_getfd(conn->bev);
    SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    char discarded[4096];

    redis_outbox_flush(conn->outbox);
    (void)bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
    (void)evbuffer_unfreeze(output, 1);
    if (!write_all(output, fd, ssl, until_ms))
        return;
    if (ssl != NULL)
        (void)SSL_shutdown(ssl);
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
