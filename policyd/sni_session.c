/*
 * sni_session.c - see sni_session.h.
 *
 * One request at a time, each answered before the next is read; a peer that
 * does not read its answer, or sends half a request, has ten seconds. What
 * breaks the protocol is closed, with one log line.
 *
 * A closed connection costs a handshake nothing: Postfix repeats its question
 * once over a new one (dict_sockmap.c). So idle ones are closed when draining.
 */
#include "policyd/sni_session.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/certs/certs.h"
#include "policyd/socketmap_request.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_S 10

static const char not_found[] = "9:NOTFOUND ,";

struct sni_session {
    struct sni_sessions *all;
    struct sni_session *previous, *next;
    struct event *readable, *writable, *stalled;
    int fd;
    pid_t peer;
    char in[SOCKETMAP_REQUEST_MAX];
    size_t in_len;
    char *out; /* owned: what has not been sent yet; NULL: nothing */
    size_t out_len, out_sent;
};

struct sni_sessions {
    struct event_base *base;
    struct certs *certs;
    void (*on_rest)(void *context);
    void *context;
    uid_t postfix;
    struct sni_session *first;
    size_t count;
    uint64_t found, not_found, refused, malformed;
};

static void session_on_readable(evutil_socket_t, short, void *);
static void session_on_writable(evutil_socket_t, short, void *);
static void session_on_stalled(evutil_socket_t, short, void *);

struct sni_sessions *sni_sessions_new(struct event_base *base,
    struct certs *certs, void (*on_rest)(void *context), void *context)
{
    struct sni_sessions *all = xcalloc(1, sizeof *all);

    all->base = base;
    all->certs = certs;
    all->on_rest = on_rest;
    all->context = context;
    all->postfix = (uid_t)-1;
    return all;
}

void sni_sessions_allow(struct sni_sessions *all, uid_t postfix)
{
    all->postfix = postfix;
}

static void forget_out(struct sni_session *session)
{
    if (session->out != NULL)
        OPENSSL_cleanse(session->out, session->out_len);
    free(session->out);
    session->out = NULL;
    session->out_len = session->out_sent = 0;
}

static bool session_is_idle(const struct sni_session *session)
{
    return session->in_len == 0 && session->out == NULL;
}

static void session_end(struct sni_session *session)
{
    struct sni_sessions *all = session->all;

    event_free(session->readable);
    event_free(session->writable);
    event_free(session->stalled);
    close(session->fd);
    forget_out(session);
    if (session->previous != NULL)
        session->previous->next = session->next;
    else
        all->first = session->next;
    if (session->next != NULL)
        session->next->previous = session->previous;
    all->count--;
    free(session);
    all->on_rest(all->context);
}

void sni_sessions_free(struct sni_sessions **all)
{
    if (*all == NULL)
        return;
    while ((*all)->first != NULL)
        session_end((*all)->first);
    free(*all);
    *all = NULL;
}

/* The kernel's word on who has connected. */
static bool is_allowed(
    const struct sni_sessions *all, int fd, struct ucred *peer_r)
{
    socklen_t len = sizeof *peer_r;

    *peer_r = (struct ucred){.uid = (uid_t)-1};
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer_r, &len) == 0 &&
           peer_r->uid != (uid_t)-1 &&
           (peer_r->uid == 0 || peer_r->uid == all->postfix);
}

void sni_sessions_add(struct sni_sessions *all, int fd)
{
    struct ucred peer;

    if (!is_allowed(all, fd, &peer)) {
        /* At a start we ask ourselves who listens there. */
        if (peer.pid == getpid()) {
            close(fd);
            return;
        }
        all->refused++;
        log_warn("sni: uid %ld, pid %ld is not Postfix: refused",
            (long)peer.uid, (long)peer.pid);
        close(fd);
        return;
    }
    struct sni_session *session = xcalloc(1, sizeof *session);
    session->all = all;
    session->fd = fd;
    session->peer = peer.pid;
    session->next = all->first;
    if (all->first != NULL)
        all->first->previous = session;
    all->first = session;
    all->count++;
    session->readable = event_new(
        all->base, fd, EV_READ | EV_PERSIST, session_on_readable, session);
    session->writable = event_new(
        all->base, fd, EV_WRITE | EV_PERSIST, session_on_writable, session);
    session->stalled = evtimer_new(all->base, session_on_stalled, session);
    if (event_add(session->readable, NULL) == -1) {
        log_error("sni: cannot watch a connection: %s", strerror(errno));
        session_end(session);
    }
}

static void set_deadline(struct sni_session *session)
{
    const struct timeval after = {.tv_sec = STALL_S};

    if (!evtimer_pending(session->stalled, NULL))
        evtimer_add(session->stalled, &after);
}

static void session_on_stalled(evutil_socket_t fd, short what, void *context)
{
    struct sni_session *session = context;

    log_warn("sni: pid %ld %s", (long)session->peer,
        session->out != NULL ? "does not read its answers"
                             : "does not end its request");
    session_end(session);
}

static ssize_t send_some(int fd, const char *bytes, size_t len)
{
    ssize_t sent;

    do
        sent = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent == -1 && errno == EINTR);
    return sent == -1 && errno == EAGAIN ? 0 : sent;
}

/* Usually it all goes at once; what does not is copied, because the
 * certificate may be another by the time the peer reads on. False: the peer
 * has gone. */
static bool session_send(
    struct sni_session *session, const char *bytes, size_t len)
{
    ssize_t sent = send_some(session->fd, bytes, len);

    if (sent == -1)
        return false;
    if ((size_t)sent == len)
        return true;
    session->out_len = len - (size_t)sent;
    session->out = xcalloc(1, session->out_len);
    memcpy(session->out, bytes + sent, session->out_len);
    event_del(session->readable);
    event_add(session->writable, NULL);
    set_deadline(session);
    return true;
}

static bool session_answer(
    struct sni_session *session, const struct socketmap_request *request)
{
    struct sni_sessions *all = session->all;
    char name[SOCKETMAP_NAME_SIZE];
    size_t len;
    const char *reply = NULL;

    if (socketmap_request_name(request, name))
        reply = certs_find(all->certs, name, &len);
    else
        name[0] = '\0';
    log_debug("sni: pid %ld, name \"%s\": %s", (long)session->peer, name,
        reply != NULL ? "found" : "NOTFOUND");
    if (reply != NULL) {
        all->found++;
        return session_send(session, reply, len);
    }
    all->not_found++;
    return session_send(session, not_found, sizeof not_found - 1);
}

static void session_fail(struct sni_session *session, const char *reason)
{
    struct log_record record;

    session->all->malformed++;
    log_record_begin(&record, LOG_LEVEL_WARN, "malformed");
    log_record_text(&record, "face", "sni");
    log_record_number(&record, "pid", session->peer);
    log_record_text(&record, "reason", reason);
    log_record_end(&record);
    session_end(session);
}

/* Answers what is there as a whole. */
static void session_go_on(struct sni_session *session)
{
    struct socketmap_request request;
    size_t used;

    event_del(session->stalled);
    while (session->out == NULL && session->in_len > 0) {
        switch (socketmap_request_parse(
            session->in, session->in_len, &used, &request)) {
        case SOCKETMAP_BAD:
            session_fail(session, request.reason);
            return;
        case SOCKETMAP_MORE:
            set_deadline(session);
            return;
        case SOCKETMAP_DONE:
            break;
        }
        if (!session_answer(session, &request)) {
            session_end(session);
            return;
        }
        session->in_len -= used;
        memmove(session->in, session->in + used, session->in_len);
    }
    if (session_is_idle(session))
        session->all->on_rest(session->all->context);
}

static void session_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct sni_session *session = context;

    assert(session->in_len < sizeof session->in);
    ssize_t got = read(fd, session->in + session->in_len,
        sizeof session->in - session->in_len);
    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        session_end(session);
        return;
    }
    session->in_len += (size_t)got;
    session_go_on(session);
}

static void session_on_writable(evutil_socket_t fd, short what, void *context)
{
    struct sni_session *session = context;

    ssize_t sent = send_some(fd, session->out + session->out_sent,
        session->out_len - session->out_sent);
    if (sent == -1) {
        session_end(session);
        return;
    }
    session->out_sent += (size_t)sent;
    if (session->out_sent < session->out_len)
        return;
    forget_out(session);
    event_del(session->writable);
    event_add(session->readable, NULL);
    session_go_on(session);
}

void sni_sessions_drain(struct sni_sessions *all)
{
    struct sni_session *next;

    for (struct sni_session *session = all->first; session != NULL;
         session = next) {
        next = session->next;
        if (session_is_idle(session))
            session_end(session);
    }
}

size_t sni_sessions_count(const struct sni_sessions *all)
{
    return all->count;
}

void sni_sessions_write_metrics(
    const struct sni_sessions *all, struct evbuffer *out)
{
    evbuffer_add_printf(out,
        "# HELP tollgate_sni_requests_total Names asked for, by result.\n"
        "# TYPE tollgate_sni_requests_total counter\n"
        "tollgate_sni_requests_total{result=\"found\"} %" PRIu64 "\n"
        "tollgate_sni_requests_total{result=\"notfound\"} %" PRIu64 "\n"
        "tollgate_sni_requests_total{result=\"malformed\"} %" PRIu64 "\n"
        "# HELP tollgate_sni_refused_peers_total Connections of processes that "
        "are not Postfix's.\n"
        "# TYPE tollgate_sni_refused_peers_total counter\n"
        "tollgate_sni_refused_peers_total %" PRIu64 "\n"
        "# HELP tollgate_sni_connections Connections of Postfix's processes.\n"
        "# TYPE tollgate_sni_connections gauge\n"
        "tollgate_sni_connections %zu\n",
        all->found, all->not_found, all->malformed, all->refused, all->count);
}
