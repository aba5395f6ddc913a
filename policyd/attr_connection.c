/*
 * attr_connection.c - a connection on which Postfix sends plain attributes.
 *
 * Moves bytes, keeps the limits and the order of request and answer; what the
 * attributes mean is the session's business. A peer that breaks the protocol
 * or does not read its answers loses its connection, with one log line, after
 * the session's answer: smtpd takes a close for a reason to go on unlimited.
 *
 * One read and one write a request and no timer: bytes land on the stack,
 * where all connections share the same warm cache lines, and only a line that
 * came in parts is kept on the heap. So thousands of connections cost little.
 */
#include "policyd/attr_connection.h"

#include "common/base/address.h"
#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "policyd/attr_batch.h"
#include "policyd/attr_scan.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An unfinished line and as much again: a usual request needs 900 bytes. */
#define READ_SIZE (2 * ATTR_LINE_MAX)
#define NEAR_SIZE 65 /* of a bad line in the log, with its NUL */

struct attr_connection {
    struct event readable;
    struct event deadline; /* of a request that did not come whole */
    const struct attr_events *events;
    void *session;
    struct attr_batch *batch; /* borrowed */
    int fd; /* -1: closed by the session while it was being called */
    pid_t peer_pid;

    bool is_waiting; /* a request has been read and not answered */
    bool is_calling; /* the session: its free has to wait */
    bool has_deadline;
    struct attr_scan scan;
    char *rest; /* owned: the unfinished line, ATTR_LINE_MAX; NULL: none */
    size_t rest_len;
    size_t answer_len; /* 0: none waits for its turn */
    char answer[ATTR_ANSWER_MAX];
};

static void attr_connection_on_readable(
    evutil_socket_t fd, short what, void *context);
static void attr_connection_on_deadline(
    evutil_socket_t fd, short what, void *context);

static pid_t peer_pid_of(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
        return 0;
    return peer.pid;
}

struct attr_connection *attr_connection_new(struct attr_batch *batch, int fd,
    const struct attr_events *events, void *session)
{
    struct event_base *base = attr_batch_base(batch);
    struct attr_connection *c = xcalloc(1, sizeof *c);

    c->events = events;
    c->session = session;
    c->batch = batch;
    c->fd = fd;
    c->peer_pid = peer_pid_of(fd);
    event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST,
        attr_connection_on_readable, c);
    evtimer_assign(&c->deadline, base, attr_connection_on_deadline, c);
    if (event_add(&c->readable, NULL) == -1) {
        log_error(
            "%s: cannot watch a connection: %s", events->face, strerror(errno));
        close(fd);
        free(c);
        return NULL;
    }
    return c;
}

static void attr_connection_close(struct attr_connection *c)
{
    if (c->fd == -1)
        return;
    if (c->answer_len > 0)
        attr_connection_deliver(c);
    attr_batch_forget(c->batch, c);
    event_del(&c->readable);
    event_del(&c->deadline);
    close(c->fd);
    c->fd = -1;
}

void attr_connection_free(struct attr_connection **c)
{
    if (*c == NULL)
        return;
    attr_connection_close(*c);
    if (!(*c)->is_calling) {
        free((*c)->rest);
        free(*c);
    }
    *c = NULL;
}

/* The last thing that happens to a connection that its session still has. */
static void attr_connection_end(struct attr_connection *c)
{
    const struct attr_events *events = c->events;
    void *session = c->session;

    c->is_calling = false;
    attr_connection_free(&c);
    events->on_close(session);
}

/* The start of a bad line; the log escapes all but NUL. */
static void near_text(char out[NEAR_SIZE], const char *near, size_t len)
{
    size_t i;

    for (i = 0; i < len && i < NEAR_SIZE - 1; i++)
        out[i] = near[i] != '\0' ? near[i] : '?';
    out[i] = '\0';
}

/* The address of an inet peer; a unix peer is known by its pid. */
static void peer_text(int fd, char out[ADDRESS_TEXT_SIZE])
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof storage;
    struct address address;

    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&storage, &len) == 0 &&
        address_from_sockaddr((struct sockaddr *)&storage, &address, NULL))
        address_format(&address, out);
}

static void log_malformed(const struct attr_connection *c, const char *reason,
    const char *near, size_t len)
{
    struct log_record record;
    char peer[ADDRESS_TEXT_SIZE], text[NEAR_SIZE];

    peer_text(c->fd, peer);
    near_text(text, near, len);
    log_record_begin(&record, LOG_LEVEL_WARN, "malformed");
    log_record_text(&record, "face", c->events->face);
    log_record_text(&record, "peer", peer);
    log_record_number(&record, "pid", c->peer_pid > 0 ? c->peer_pid : -1);
    log_record_text(&record, "reason", reason);
    log_record_text(&record, "near", text);
    log_record_end(&record);
}

/* Called with every request that came whole, so it must cost nothing. */
static void attr_connection_forget_rest(struct attr_connection *c)
{
    if (!c->has_deadline)
        return;
    event_del(&c->deadline);
    c->has_deadline = false;
    free(c->rest);
    c->rest = NULL;
    c->rest_len = 0;
}

/* Whatever waits for its turn in the batch is decided or sent here. */
static void attr_connection_answer_malformed(
    struct attr_connection *c, bool goes_on)
{
    attr_connection_forget_rest(c);
    attr_batch_forget(c->batch, c);
    memset(&c->scan, 0, sizeof c->scan);
    if (c->answer_len > 0)
        attr_connection_deliver(c);
    c->is_waiting = c->is_calling = true;
    c->events->on_malformed(c->session);
    c->is_calling = false;
    if (c->fd == -1)
        attr_connection_free(&c);
    else if (!goes_on || c->is_waiting)
        attr_connection_end(c);
}

/* Where the next request would begin is not known. */
static void attr_connection_fail(
    struct attr_connection *c, const char *reason, const char *near, size_t len)
{
    log_malformed(c, reason, near, len);
    attr_connection_answer_malformed(c, false);
}

static void attr_connection_on_deadline(
    evutil_socket_t fd, short what, void *context)
{
    struct attr_connection *c = context;

    attr_connection_fail(c, "request too slow", c->rest, c->rest_len);
}

static void attr_connection_keep_rest(
    struct attr_connection *c, const char *rest, size_t len)
{
    if (!c->has_deadline) {
        unsigned ms = c->events->request_timeout_ms;
        if (ms == 0)
            ms = ATTR_REQUEST_TIMEOUT_MS;
        const struct timeval tv = clock_span(ms);
        event_add(&c->deadline, &tv);
        c->has_deadline = true;
    }
    if (c->rest == NULL)
        c->rest = xcalloc(1, ATTR_LINE_MAX);
    memcpy(c->rest, rest, len);
    c->rest_len = len;
}

/* Its last line has been read. */
static void attr_connection_end_request(struct attr_connection *c)
{
    attr_connection_forget_rest(c);
    c->is_waiting = true;
    if (c->events->on_read != NULL)
        c->events->on_read(c->session);
    attr_batch_ask(c->batch, c);
}

void attr_connection_decide(struct attr_connection *c)
{
    if (c->scan.is_faulty) {
        attr_connection_answer_malformed(c, true);
        return;
    }
    c->is_calling = true;
    const char *reason = c->events->on_request(c->session);
    c->is_calling = false;
    if (c->fd == -1) {
        attr_connection_free(&c);
    } else if (reason != NULL) {
        log_malformed(c, reason, "", 0);
        attr_connection_answer_malformed(c, true);
    }
}

static void attr_connection_feed(
    struct attr_connection *c, const char *data, size_t len)
{
    bool was_faulty = c->scan.is_faulty;
    size_t used;

    c->is_calling = true;
    enum attr_result result = attr_scan(
        &c->scan, data, len, &used, c->events->on_attribute, c->session);
    c->is_calling = false;
    if (c->scan.is_faulty && !was_faulty && result != ATTR_BAD)
        log_malformed(c, c->scan.reason, c->scan.near, c->scan.near_len);
    if (result == ATTR_BAD)
        attr_connection_fail(c, c->scan.reason, c->scan.near, c->scan.near_len);
    else if (result == ATTR_MORE)
        attr_connection_keep_rest(c, data + used, len - used);
    else if (used < len)
        attr_connection_fail(
            c, "bytes before the answer", data + used, len - used);
    else
        attr_connection_end_request(c);
}

static void attr_connection_on_readable(
    evutil_socket_t fd, short what, void *context)
{
    struct attr_connection *c = context;
    char data[READ_SIZE];
    size_t len = c->rest_len;

    if (len > 0)
        memcpy(data, c->rest, len);
    ssize_t got = recv(fd, data + len, sizeof data - len, 0);
    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        attr_connection_end(c);
    else if (c->is_waiting || c->answer_len > 0)
        attr_connection_fail(c, "bytes before the answer", data, (size_t)got);
    else
        attr_connection_feed(c, data, len + (size_t)got);
}

/*
 * An answer always fits into the socket of a peer that reads. For the others
 * the connection is shut down, so that the loop closes it: the session that
 * is calling must not lose itself on the way.
 */
static void attr_connection_send(
    struct attr_connection *c, const char *bytes, size_t len)
{
    ssize_t sent;

    do
        sent = send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent == -1 && errno == EINTR);
    if (sent == (ssize_t)len)
        return;
    if (sent != -1 || errno == EAGAIN)
        log_warn("%s: pid %ld does not read its answers", c->events->face,
            (long)c->peer_pid);
    shutdown(c->fd, SHUT_RDWR);
}

void attr_connection_greet(
    struct attr_connection *c, const char *bytes, size_t len)
{
    attr_connection_send(c, bytes, len);
}

void attr_connection_reply(
    struct attr_connection *c, const char *bytes, size_t len)
{
    assert(c->is_waiting && c->answer_len == 0);
    assert(len > 0 && len <= sizeof c->answer);
    c->is_waiting = false;
    memcpy(c->answer, bytes, len);
    c->answer_len = len;
    attr_batch_answer(c->batch, c);
}

void attr_connection_deliver(struct attr_connection *c)
{
    attr_connection_send(c, c->answer, c->answer_len);
    c->answer_len = 0;
}

bool attr_connection_is_idle(const struct attr_connection *c)
{
    return !c->is_waiting && !c->has_deadline;
}

pid_t attr_connection_peer_pid(const struct attr_connection *c)
{
    return c->peer_pid;
}

int attr_connection_fd(const struct attr_connection *c)
{
    return c->fd;
}
