/*
 * sentinel.c - one connection to each Sentinel, for questions and messages.
 *
 * In RESP2 who has subscribed may not ask. So a question is framed: off the
 * channels, ask, back on the channels, all in one write. What is missed in
 * between is what the answer says anyhow.
 */
#include "common/redis/sentinel.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/redis/connection.h"
#include "common/redis/sentinel_reply.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_SOON_MS          200
#define ASK_LATER_MS         10000
#define SENTINEL_PENDING_MAX 64

/* A failover is done; a replica has been promoted, others are still told. */
static const char *const channels[] = {"+switch-master", "+promoted-slave"};
#define CHANNELS (sizeof channels / sizeof channels[0])

struct sentinel_peer {
    struct redis_sentinel *sentinel;
    const struct redis_host *where;
    struct redis_connection *connection;
    struct redis_call epoch_call, address_call;
    bool is_asking, asks_again;
    bool has_epoch, has_answer;
    uint64_t next_epoch;
    uint64_t epoch, answered_ms; /* of the answer */
    struct redis_address address;
};

struct redis_sentinel {
    struct redis_sentinel_settings settings;
    struct event *tick;
    bool is_lost;
    size_t count;
    struct sentinel_peer peers[];
};

/* False: no answer will come. */
static bool peer_send(struct sentinel_peer *peer, struct redis_call *call,
    const char *one, const char *two, const char *three)
{
    const char *argv[] = {one, two, three};
    const size_t lens[] = {
        strlen(one), strlen(two), three == NULL ? 0 : strlen(three)};
    if (redis_connection_call(
            peer->connection, call, three == NULL ? 2 : 3, argv, lens))
        return true;
    redis_connection_drop(peer->connection, "too many questions");
    return false;
}

static void peer_ask(struct sentinel_peer *peer)
{
    const char *name = peer->sentinel->settings.url->master_name;
    peer->asks_again = peer->is_asking;
    if (peer->is_asking || !redis_connection_is_ready(peer->connection))
        return;
    peer->has_epoch = false;
    for (size_t i = 0; i < CHANNELS; i++)
        (void)peer_send(peer, NULL, "UNSUBSCRIBE", channels[i], NULL);
    (void)peer_send(peer, &peer->epoch_call, "SENTINEL", "MASTER", name);
    peer->is_asking = peer_send(
        peer, &peer->address_call, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name);
    for (size_t i = 0; i < CHANNELS; i++)
        (void)peer_send(peer, NULL, "SUBSCRIBE", channels[i], NULL);
}

static void sentinel_ask(struct redis_sentinel *sentinel)
{
    for (size_t i = 0; i < sentinel->count; i++)
        peer_ask(&sentinel->peers[i]);
}

static const struct sentinel_peer *sentinel_best(
    const struct redis_sentinel *sentinel)
{
    const struct sentinel_peer *best = NULL;
    for (size_t i = 0; i < sentinel->count; i++) {
        const struct sentinel_peer *peer = &sentinel->peers[i];
        if (!peer->has_answer)
            continue;
        if (best == NULL || peer->epoch > best->epoch ||
            (peer->epoch == best->epoch &&
                peer->answered_ms > best->answered_ms))
            best = peer;
    }
    return best;
}

/* Only what nobody knows better is worth a line. */
static void peer_complain(struct sentinel_peer *peer, const char *reason)
{
    const struct redis_sentinel_settings *settings = &peer->sentinel->settings;
    char text[320];
    if (sentinel_best(peer->sentinel) != NULL)
        return;
    (void)snprintf(text, sizeof text, "sentinel %s:%u: %s", peer->where->name,
        (unsigned)peer->where->port, reason);
    settings->on_trouble(settings->context, text);
}

static void peer_refused(struct sentinel_peer *peer, const redisReply *reply)
{
    char reason[160];
    bool is_error = reply->type == REDIS_REPLY_ERROR;
    peer->has_answer = false;
    if (is_error && (strncmp(reply->str, "NOAUTH", 6) == 0 ||
                        strncmp(reply->str, "NOPERM", 6) == 0)) {
        redis_connection_use_password(peer->connection);
        redis_connection_drop(peer->connection, reply->str);
        return;
    }
    char said[80] = "unknown";
    if (is_error)
        log_escape(said, sizeof said, reply->str, reply->len);
    (void)snprintf(reason, sizeof reason, "no master \"%.60s\" (%s)",
        peer->sentinel->settings.url->master_name, said);
    peer_complain(peer, reason);
}

static void peer_on_epoch(struct redis_call *call, const redisReply *reply)
{
    struct sentinel_peer *peer = call->context;
    peer->has_epoch =
        reply != NULL && sentinel_epoch_read(reply, &peer->next_epoch);
}

static void sentinel_tell(struct redis_sentinel *sentinel)
{
    const struct redis_sentinel_settings *settings = &sentinel->settings;
    const struct sentinel_peer *best = sentinel_best(sentinel);
    if (best != NULL)
        settings->on_master(
            settings->context, best->address.host, best->address.port);
}

static void peer_on_address(struct redis_call *call, const redisReply *reply)
{
    struct sentinel_peer *peer = call->context;
    struct redis_address address;
    peer->is_asking = false;
    if (reply == NULL)
        return;
    if (!peer->has_epoch || !sentinel_address_read(reply, &address)) {
        peer_refused(peer, reply);
    } else {
        peer->has_answer = true;
        peer->epoch = peer->next_epoch;
        peer->address = address;
        peer->answered_ms = clock_monotonic_ms();
        sentinel_tell(peer->sentinel);
    }
    if (peer->asks_again)
        peer_ask(peer);
}

static void peer_on_message(void *context, const redisReply *message)
{
    struct sentinel_peer *peer = context;
    /* The others learn of it a moment later; their epoch tells. */
    peer_ask(peer);
}

static void peer_on_state(void *context, bool is_ready, const char *reason)
{
    struct sentinel_peer *peer = context;
    if (is_ready) {
        peer_ask(peer);
        return;
    }
    peer->has_answer = false;
    peer_complain(peer, reason);
}

static void sentinel_set_tick(struct redis_sentinel *sentinel)
{
    unsigned ms = sentinel->is_lost ? ASK_SOON_MS : ASK_LATER_MS;
    const struct timeval tv = clock_span(ms);
    (void)evtimer_add(sentinel->tick, &tv);
}

static void sentinel_on_tick(int fd, short events, void *context)
{
    struct redis_sentinel *sentinel = context;
    sentinel_ask(sentinel);
    sentinel_set_tick(sentinel);
}

static void peer_open(struct sentinel_peer *peer, struct event_base *base)
{
    const struct redis_sentinel_settings *settings = &peer->sentinel->settings;
    struct redis_settings link = {
        .url =
            {
                .host = peer->where->name,
                .port = peer->where->port,
                .username = settings->username,
                .password = settings->password,
            },
        .tls = settings->tls,
        .resolver = settings->resolver,
        .auth_when_asked = true,
        .client_name = settings->client_name,
        .timeout_ms = settings->timeout_ms,
        .pending_max = SENTINEL_PENDING_MAX,
        .on_state = peer_on_state,
        .on_message = peer_on_message,
        .context = peer,
    };
    peer->epoch_call.on_reply = peer_on_epoch;
    peer->epoch_call.context = peer;
    peer->address_call.on_reply = peer_on_address;
    peer->address_call.context = peer;
    peer->connection = redis_connection_new(base, &link);
}

struct redis_sentinel *redis_sentinel_new(
    struct event_base *base, const struct redis_sentinel_settings *settings)
{
    size_t count = settings->url->host_count;
    struct redis_sentinel *sentinel =
        xcalloc(1, sizeof *sentinel + count * sizeof sentinel->peers[0]);
    sentinel->settings = *settings;
    sentinel->is_lost = true;
    sentinel->tick = evtimer_new(base, sentinel_on_tick, sentinel);
    if (sentinel->tick == NULL)
        abort();
    sentinel->count = count;
    for (size_t i = 0; i < count; i++) {
        sentinel->peers[i].sentinel = sentinel;
        sentinel->peers[i].where = &settings->url->hosts[i];
        peer_open(&sentinel->peers[i], base);
    }
    sentinel_set_tick(sentinel);
    return sentinel;
}

void redis_sentinel_free(struct redis_sentinel **sentinel_p)
{
    struct redis_sentinel *sentinel = *sentinel_p;
    if (sentinel == NULL)
        return;
    for (size_t i = 0; i < sentinel->count; i++)
        redis_connection_free(&sentinel->peers[i].connection);
    event_free(sentinel->tick);
    free(sentinel);
    *sentinel_p = NULL;
}

void redis_sentinel_hurry(struct redis_sentinel *sentinel, bool is_lost)
{
    if (sentinel->is_lost == is_lost)
        return;
    sentinel->is_lost = is_lost;
    if (is_lost)
        sentinel_ask(sentinel);
    sentinel_set_tick(sentinel);
}

void redis_sentinel_renew(struct redis_sentinel *sentinel)
{
    for (size_t i = 0; i < sentinel->count; i++)
        redis_connection_drop(
            sentinel->peers[i].connection, "new certificates are there");
}
