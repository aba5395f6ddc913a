/*
 * connection.c - connect, greet, then calls and replies in one order.
 *
 * WAITING (for the next attempt) -> DIALING -> GREETING (all of the handshake
 * in one go) -> READY; whatever goes wrong leads through
 * connection_fail back to WAITING. That function ends everything of the old
 * link and calls out, so it is the last thing that any callback does. `link`
 * counts the links: who has called out compares it before going on.
 */
#include "common/redis/connection_internal.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000
#define GREETING_STEPS 8 /* slots beside those for calls */

static void connection_set_timer(struct redis_connection *conn, uint64_t at_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t ms = at_ms > now_ms ? at_ms - now_ms : 0;
    const struct timeval tv = clock_span(ms);
    conn->timer_at_ms = at_ms;
    (void)evtimer_add(conn->timer, &tv);
}

/* Half of the backoff and a random part of the other half. */
static uint64_t connection_next_pause(struct redis_connection *conn)
{
    uint32_t random;
    evutil_secure_rng_get_bytes(&random, sizeof random);
    uint64_t half = conn->backoff_ms / 2;
    conn->backoff_ms *= 2;
    if (conn->backoff_ms > BACKOFF_MAX_MS)
        conn->backoff_ms = BACKOFF_MAX_MS;
    return half + random % (half + 1);
}

static void connection_unlink(struct redis_connection *conn)
{
    redis_outbox_aim(conn->outbox, NULL);
    if (conn->bev != NULL)
        redis_dial_hang_up(&conn->dialer, conn->bev);
    conn->bev = NULL;
    redis_reader_free(&conn->reader);
    conn->link++;
    conn->is_loading = false;
    conn->state = WAITING;
}

static void connection_answer(
    struct redis_inflight *slot, const redisReply *reply)
{
    struct redis_call *call = slot->call;
    if (call == NULL)
        return;
    slot->call = NULL;
    call->slot = NULL;
    call->on_reply(call, reply);
}

static void connection_report(
    struct redis_connection *conn, bool is_ready, const char *reason)
{
    if (!conn->is_retired)
        conn->settings.on_state(conn->settings.context, is_ready, reason);
}

void connection_fail(struct redis_connection *conn, const char *reason)
{
    char text[200];
    log_escape(text, sizeof text, reason, strlen(reason));
    connection_unlink(conn);
    if (!conn->is_retired)
        connection_set_timer(
            conn, clock_monotonic_ms() + connection_next_pause(conn));

    bool was_calling_out = conn->is_calling_out;
    conn->is_calling_out = true;
    connection_report(conn, false, text);
    struct redis_inflight *slot;
    while ((slot = redis_pipeline_take(&conn->pipeline)) != NULL)
        connection_answer(slot, NULL);
    conn->is_calling_out = was_calling_out;
}

/* It answers nothing: a subscription's. */
static bool is_message(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           reply->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[0]->str, "message") == 0;
}

static void connection_take_reply(
    struct redis_connection *conn, const redisReply *reply)
{
    if (conn->settings.on_message != NULL && is_message(reply)) {
        conn->settings.on_message(conn->settings.context, reply);
        return;
    }
    struct redis_inflight *slot = redis_pipeline_take(&conn->pipeline);
    if (slot == NULL) {
        connection_fail(conn, "a reply to nothing");
        return;
    }
    if (slot->step == REDIS_STEP_CALL) {
        if (reply->type != REDIS_REPLY_ERROR)
            conn->backoff_ms = BACKOFF_MIN_MS;
        connection_answer(slot, reply);
        return;
    }
    if (!connection_take_step(conn, slot->step, reply))
        return;
    if (conn->state == GREETING && --conn->steps_left == 0) {
        conn->state = READY;
        connection_report(conn, true, NULL);
    }
}

/* All replies that are whole. False: this link has ended. */
static bool connection_take_replies(struct redis_connection *conn)
{
    unsigned link = conn->link;
    for (;;) {
        redisReply *reply;
        enum redis_read result = redis_reader_next(conn->reader, &reply);
        if (result == REDIS_READ_MORE)
            return true;
        if (result == REDIS_READ_BAD)
            break;
        connection_take_reply(conn, reply);
        freeReplyObject(reply);
        if (conn->link != link)
            return false;
    }
    char reason[200];
    (void)snprintf(reason, sizeof reason, "malformed reply: %s",
        redis_reader_error(conn->reader));
    connection_fail(conn, reason);
    return false;
}

static void connection_on_readable(struct bufferevent *bev, void *context)
{
    struct redis_connection *conn = context;
    struct evbuffer *input = bufferevent_get_input(bev);
    struct evbuffer_iovec chunk;

    conn->is_calling_out = true;
    while (evbuffer_peek(input, -1, NULL, &chunk, 1) > 0) {
        size_t len = chunk.iov_len;
        if (!redis_reader_feed(conn->reader, chunk.iov_base, len)) {
            connection_fail(conn, "malformed reply: too long");
            break;
        }
        (void)evbuffer_drain(input, len);
        if (!connection_take_replies(conn))
            break;
    }
    conn->is_calling_out = false;
}

static void connection_on_event(
    struct bufferevent *bev, short events, void *context)
{
    struct redis_connection *conn = context;
    if ((events & BEV_EVENT_CONNECTED) != 0) {
        redis_outbox_aim(conn->outbox, bev);
        connection_greet(conn);
        return;
    }
    char reason[160];
    redis_dial_error(&conn->dialer, bev, events, reason, sizeof reason);
    connection_fail(conn, reason);
}

static void connection_dial_failed(struct redis_connection *conn)
{
    char reason[160] = "no memory";
    if (conn->bev != NULL)
        redis_dial_error(
            &conn->dialer, conn->bev, BEV_EVENT_ERROR, reason, sizeof reason);
    connection_fail(conn, reason);
}

static void connection_dial(struct redis_connection *conn)
{
    uint64_t timeout_ms = conn->settings.timeout_ms;
    const struct redis_place place = {
        .unix_path = conn->settings.url.unix_path,
        .host = conn->host,
        .port = conn->port,
        .tls = conn->settings.tls,
    };
    if (timeout_ms < REDIS_CONNECT_TIMEOUT_MS)
        timeout_ms = REDIS_CONNECT_TIMEOUT_MS;
    conn->state = DIALING;
    connection_set_timer(conn, clock_monotonic_ms() + timeout_ms);
    if (!redis_dial(&conn->dialer, &place, connection_on_readable,
            connection_on_event, conn, &conn->bev) &&
        conn->state == DIALING)
        connection_dial_failed(conn);
}

/* Sets the timer for whichever comes first of what is awaited. */
static void connection_await(struct redis_connection *conn)
{
    const struct redis_inflight *oldest =
        redis_pipeline_oldest(&conn->pipeline);
    if (oldest == NULL)
        return;
    uint64_t at_ms = redis_pipeline_next_due(&conn->pipeline);
    if (at_ms > oldest->sent_ms + REDIS_SILENCE_MS)
        at_ms = oldest->sent_ms + REDIS_SILENCE_MS;
    connection_set_timer(conn, at_ms);
}

static void connection_expire_calls(struct redis_connection *conn)
{
    unsigned link = conn->link;
    uint64_t now_ms = clock_monotonic_ms();
    const struct redis_inflight *oldest =
        redis_pipeline_oldest(&conn->pipeline);
    if (oldest != NULL && oldest->sent_ms + REDIS_SILENCE_MS <= now_ms) {
        connection_fail(conn, "the server does not answer");
        return;
    }
    struct redis_inflight *slot;
    while ((slot = redis_pipeline_overdue(&conn->pipeline, now_ms)) != NULL) {
        connection_answer(slot, NULL);
        if (conn->link != link)
            return;
    }
    connection_await(conn);
}

static void connection_on_timer(int fd, short events, void *context)
{
    struct redis_connection *conn = context;
    conn->timer_at_ms = 0;
    conn->is_calling_out = true;
    switch (conn->state) {
    case WAITING:
        connection_dial(conn);
        break;
    case DIALING:
        connection_fail(
            conn, conn->settings.tls == NULL
                      ? "connecting took too long"
                      : "connecting took too long, or nobody speaks TLS there");
        break;
    case GREETING:
        connection_fail(conn, "the server does not answer");
        break;
    case READY:
        connection_expire_calls(conn);
        break;
    }
    conn->is_calling_out = false;
}

struct redis_connection *redis_connection_new(
    struct event_base *base, const struct redis_settings *settings)
{
    struct redis_connection *conn = xcalloc(1, sizeof *conn);
    conn->settings = *settings;
    conn->backoff_ms = BACKOFF_MIN_MS;
    redis_dialer_init(&conn->dialer, base, settings->resolver);
    redis_pipeline_init(
        &conn->pipeline, settings->pending_max + GREETING_STEPS);
    conn->outbox = redis_outbox_new(base);
    conn->timer = evtimer_new(base, connection_on_timer, conn);
    if (conn->timer == NULL)
        abort();
    if (settings->url.host != NULL)
        conn->host = xstrdup(settings->url.host);
    conn->port = settings->url.port;
    if (conn->host != NULL || settings->url.unix_path != NULL)
        connection_set_timer(conn, 0);
    return conn;
}

void redis_connection_aim(struct redis_connection *conn, const char *host,
    uint16_t port, const char *reason)
{
    if (conn->host != NULL && conn->port == port &&
        strcmp(conn->host, host) == 0)
        return;
    free(conn->host);
    conn->host = xstrdup(host);
    conn->port = port;
    conn->backoff_ms = BACKOFF_MIN_MS;
    redis_connection_drop(conn, reason);
    connection_set_timer(conn, 0);
}

void redis_connection_use_password(struct redis_connection *conn)
{
    conn->is_asked_for_password = true;
}

void redis_connection_retire(struct redis_connection *conn)
{
    conn->is_retired = true;
    if (conn->state != READY)
        redis_connection_drop(conn, "not needed any more");
    if (conn->state == WAITING)
        (void)evtimer_del(conn->timer);
}

bool redis_connection_is_idle(const struct redis_connection *conn)
{
    return conn->pipeline.count == 0;
}

void redis_connection_free(struct redis_connection **conn_p)
{
    struct redis_connection *conn = *conn_p;
    if (conn == NULL)
        return;
    assert(!conn->is_calling_out);
    struct redis_inflight *slot;
    while ((slot = redis_pipeline_take(&conn->pipeline)) != NULL)
        if (slot->call != NULL)
            slot->call->slot = NULL;
    connection_unlink(conn);
    redis_outbox_free(&conn->outbox);
    event_free(conn->timer);
    redis_pipeline_clear(&conn->pipeline);
    redis_dialer_clear(&conn->dialer);
    free(conn->host);
    free(conn);
    *conn_p = NULL;
}

bool redis_connection_call(struct redis_connection *conn,
    struct redis_call *call, int argc, const char *const *argv,
    const size_t *argv_len)
{
    if (conn->state != READY ||
        conn->pipeline.count >= conn->settings.pending_max ||
        !redis_outbox_add(conn->outbox, argc, argv, argv_len))
        return false;
    uint64_t now_ms = clock_monotonic_ms();
    struct redis_inflight *slot =
        redis_pipeline_push(&conn->pipeline, REDIS_STEP_CALL, now_ms);
    assert(slot != NULL);
    slot->due_ms = now_ms + REDIS_SILENCE_MS;
    if (call != NULL) {
        assert(call->slot == NULL);
        slot->due_ms =
            now_ms + (call->timeout_ms != 0 ? call->timeout_ms
                                            : conn->settings.timeout_ms);
        slot->call = call;
        call->slot = slot;
    }
    if (conn->timer_at_ms == 0 || slot->due_ms < conn->timer_at_ms)
        connection_set_timer(conn, slot->due_ms);
    return true;
}

void redis_connection_cancel(struct redis_call *call)
{
    if (call->slot == NULL)
        return;
    call->slot->call = NULL;
    call->slot = NULL;
}

bool redis_connection_is_ready(const struct redis_connection *conn)
{
    return conn->state == READY;
}

const char *redis_connection_script_sha(const struct redis_connection *conn)
{
    return conn->sha;
}

void redis_connection_drop(struct redis_connection *conn, const char *reason)
{
    if (conn->state != WAITING)
        connection_fail(conn, reason);
}
