/*
 * attr_peer.c - see attr_peer.h. Nothing here blocks or sleeps.
 */
#include "tests/unit/attr_peer.h"

#include "policyd/attr_batch.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    struct attr_peer *s = context;
    size_t at = strlen(s->seen);

    if (name_len == 3 && memcmp(name, "bad", 3) == 0)
        return "a bad attribute";
    if (at + name_len + value_len + 8 < sizeof s->seen)
        (void)snprintf(s->seen + at, sizeof s->seen - at, "%.*s=%.*s;",
            (int)name_len, name, (int)value_len, value);
    return NULL;
}

static const char *on_request(void *context)
{
    struct attr_peer *s = context;
    size_t at = strlen(s->seen);

    s->requests++;
    if (at + 2 < sizeof s->seen)
        (void)snprintf(s->seen + at, sizeof s->seen - at, ".");
    if (s->answer == ANSWER_REASON)
        return "a bad request";
    if (s->answer == ANSWER_NOW)
        attr_connection_reply(s->connection, "ok\n\n", 4);
    if (s->answer == ANSWER_FREE)
        attr_connection_free(&s->connection);
    return NULL;
}

static void on_malformed(void *context)
{
    struct attr_peer *s = context;

    s->malformed++;
    if (s->answers_malformed)
        attr_connection_reply(s->connection, "no\n\n", 4);
}

static void on_close(void *context)
{
    struct attr_peer *s = context;

    s->closes++;
    s->connection = NULL;
}

const struct attr_events attr_peer_events = {
    .face = "test",
    .request_timeout_ms = 300,
    .on_attribute = on_attribute,
    .on_request = on_request,
    .on_malformed = on_malformed,
    .on_close = on_close,
};

void attr_peer_open(struct attr_peer *s, struct event_base *base)
{
    int pair[2];

    memset(s, 0, sizeof *s);
    s->base = base;
    s->round = attr_batch_new(base);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    s->peer = pair[1];
    s->connection =
        attr_connection_new(s->round, pair[0], &attr_peer_events, s);
    assert_non_null(s->connection);
}

void attr_peer_close(struct attr_peer *s)
{
    attr_connection_free(&s->connection);
    attr_batch_free(&s->round);
    if (s->peer != -1)
        close(s->peer);
}

void attr_peer_run(struct attr_peer *s)
{
    event_base_loop(s->base, EVLOOP_NONBLOCK);
}

void attr_peer_send(struct attr_peer *s, const char *bytes, size_t len)
{
    while (len > 0 && s->closes == 0) {
        ssize_t sent = send(s->peer, bytes, len, MSG_NOSIGNAL);
        if (sent == -1 && errno != EAGAIN)
            break;
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
        attr_peer_run(s);
    }
    attr_peer_run(s);
}

void attr_peer_send_text(struct attr_peer *s, const char *text)
{
    attr_peer_send(s, text, strlen(text));
}

void attr_peer_expect(struct attr_peer *s, const char *expected)
{
    char got[128];
    size_t len = 0;

    for (;;) {
        ssize_t n = recv(s->peer, got + len, sizeof got - 4 - len, 0);
        if (n == 0 || (n == -1 && errno == ECONNRESET)) {
            memcpy(got + len, "EOF", 3);
            len += 3;
            break;
        }
        if (n == -1)
            break;
        len += (size_t)n;
    }
    got[len] = '\0';
    assert_string_equal(got, expected);
}
