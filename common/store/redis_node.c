/*
 * redis_node.c - one server: its connection, its breaker, what is said of it
 * in the log.
 *
 * Whatever fails ends in redis_node_fail, once for all; what proves that the
 * server can be used is the heartbeat (heartbeat.c). New TLS material is tried
 * on a second link while the first goes on: a certificate that the server does
 * not accept costs nothing as long as the old link lasts.
 */
#include "common/store/redis_node.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/redis_edicts.h"
#include "common/store/redis_store_internal.h"
#include "common/store/store_lua.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void redis_node_set_tick(struct redis_node *node)
{
    uint64_t ms = redis_node_is_usable(node)
                      ? node->store->tick_ms
                      : breaker_wait_ms(&node->breaker, clock_monotonic_ms());
    if (ms == UINT64_MAX) {
        (void)evtimer_del(node->tick);
        return;
    }
    const struct timeval tv = clock_span(ms);
    (void)evtimer_add(node->tick, &tv);
}

/* Once for each change of state, and for a new reason, but not for each of
 * many. */
static void redis_node_log_trouble(struct redis_node *node, const char *reason)
{
    char text[sizeof node->trouble];
    uint64_t now_ms = clock_monotonic_ms();
    (void)snprintf(text, sizeof text, "%s", reason);
    if (strcmp(text, node->trouble) == 0)
        return;
    if (now_ms >= node->reasons_until_ms) {
        node->reasons_until_ms = now_ms + REDIS_COMPLAINT_MS;
        node->reasons = 0;
    }
    if (node->trouble[0] != '\0' && ++node->reasons > REDIS_REASONS_MAX)
        return;
    memcpy(node->trouble, text, sizeof text);
    log_warn("store %s is unavailable: %s", node->description, text);
}

void redis_node_complain(struct redis_node *node, const char *reason)
{
    if (!redis_node_is_usable(node))
        redis_node_log_trouble(node, reason);
}

static void redis_node_settle(struct redis_node *node)
{
    struct store_part *part;
    redis_connection_cancel(&node->heartbeat);
    lease_writer_settle(node->store, node);
    while ((part = TAILQ_FIRST(&node->parts)) != NULL) {
        redis_connection_cancel(&part->call);
        store_part_end(part, STORE_UNAVAILABLE);
    }
    redis_node_set_tick(node);
}

void redis_node_fail(struct redis_node *node, const char *reason)
{
    (void)breaker_on_failure(&node->breaker, clock_monotonic_ms());
    redis_node_log_trouble(node, reason);
    redis_node_settle(node);
}

/* For the log; without the place in the script where it was noticed, which
 * would make one trouble look like several. */
static void error_describe(const redisReply *reply, char *text, size_t size)
{
    log_escape(text, size, reply->str, reply->len);
    char *place = strstr(text, " script: ");
    if (place != NULL)
        *place = '\0';
}

enum redis_trouble redis_node_take_error(
    struct redis_node *node, const redisReply *reply)
{
    char text[sizeof node->trouble];
    error_describe(reply, text, sizeof text);
    switch (script_error_of(reply->str)) {
    case SCRIPT_ERROR_MISSING:
        redis_connection_load_script(redis_node_connection(node));
        return TROUBLE_REPEAT;
    case SCRIPT_ERROR_REQUEST:
        redis_store_complain(node->store, text);
        return TROUBLE_ONE;
    case SCRIPT_ERROR_ELSEWHERE:
        if (node->store->slots != NULL)
            return TROUBLE_ELSEWHERE;
        redis_node_fail(node, "it is a node of a Cluster; the store's URL "
                              "must begin with redis+cluster");
        return TROUBLE_ALL;
    case SCRIPT_ERROR_DIVIDED:
        return TROUBLE_DIVIDED;
    case SCRIPT_ERROR_SERVER:
        break;
    case SCRIPT_ERROR_MOVED_ON:
        redis_node_fail(node, text);
        redis_connection_drop(redis_node_connection(node), text);
        return TROUBLE_ALL;
    }
    redis_node_fail(node, text);
    return TROUBLE_ALL;
}

void redis_node_succeed(struct redis_node *node)
{
    struct redis_store *store = node->store;
    if (!breaker_on_success(&node->breaker, clock_monotonic_ms()))
        return;
    log_info("store %s is available", node->description);
    node->trouble[0] = '\0';
    /* What was told before may have gone with the old server. */
    lease_queue_all(store->leases);
    lease_writer_tick(store, 0);
    redis_node_set_tick(node);
    redis_store_on_node(store, true);
    redis_edicts_poll(store->edicts);
    store_parts_unpark(node);
}

static struct redis_link *other_link(struct redis_node *node)
{
    return node->link == &node->links[0] ? &node->links[1] : &node->links[0];
}

/* The link that was left goes when nobody waits for it any more. */
static void redis_node_tidy(struct redis_node *node)
{
    struct redis_link *left = other_link(node);
    if (left->connection != NULL && left->is_retired &&
        redis_connection_is_idle(left->connection))
        redis_connection_free(&left->connection);
    if (node->wants_renewal)
        redis_node_renew(node);
}

static void redis_node_on_tick(int fd, short events, void *context)
{
    struct redis_node *node = context;
    uint64_t now_ms = clock_monotonic_ms();
    redis_node_tidy(node);
    if (redis_node_is_usable(node)) {
        uint64_t soon_ms = now_ms + node->store->tick_ms;
        if (soon_ms > node->heartbeat_due_ms)
            heartbeat_send(node);
        redis_room_look(&node->room, now_ms);
        lease_writer_tick(node->store, soon_ms - node->store->renew_ms);
    } else if (breaker_take_probe(&node->breaker, now_ms)) {
        node->heartbeat_is_repeated = false;
        heartbeat_send(node);
    }
    redis_node_set_tick(node);
}

/* The successor is ready: what is asked from now on is asked there. */
static void redis_node_change_over(
    struct redis_node *node, struct redis_link *link)
{
    struct redis_link *left = node->link;
    node->link = link;
    left->is_retired = true;
    redis_connection_retire(left->connection);
    if (!redis_node_is_usable(node))
        breaker_on_connected(&node->breaker, clock_monotonic_ms());
    redis_node_set_tick(node);
    log_info("store %s: connected anew", node->description);
}

static void redis_node_complain_anew(
    const struct redis_node *node, const char *reason)
{
    char text[256];
    (void)snprintf(text, sizeof text, "not connected anew yet: %s", reason);
    redis_store_complain(node->store, text);
}

static void redis_node_on_state(
    void *context, bool is_ready, const char *reason)
{
    struct redis_link *link = context;
    struct redis_node *node = link->node;
    if (link != node->link) {
        if (is_ready)
            redis_node_change_over(node, link);
        else
            redis_node_complain_anew(node, reason);
        return;
    }
    if (is_ready) {
        node->connects++;
        redis_room_forget(&node->room);
        redis_clock_forget(&node->clock);
        heartbeat_on_connected(node);
        refused_cache_clear(node->store->refused);
        breaker_on_connected(&node->breaker, clock_monotonic_ms());
        redis_node_set_tick(node);
    } else {
        node->has_failed = true;
        (void)breaker_on_lost(&node->breaker, clock_monotonic_ms());
        redis_node_log_trouble(node, reason);
        redis_node_settle(node);
    }
    redis_store_on_node(node->store, is_ready);
}

static void redis_node_on_deadline(int fd, short events, void *context)
{
    store_parts_expire(context);
}

static void redis_link_open(struct redis_link *link)
{
    link->node->settings.context = link;
    link->is_retired = false;
    link->connection =
        redis_connection_new(link->node->base, &link->node->settings);
}

static void redis_node_set(struct redis_node *node)
{
    const struct redis_store *store = node->store;
    node->settings = (struct redis_settings){
        .url = store->url,
        .tls = store->tls,
        .resolver = store->resolver,
        .client_name = store->client_name,
        .timeout_ms = store->timeout_ms,
        .script = store_lua,
        .wants_master = store->url.kind == REDIS_SENTINEL,
        .pending_max = REDIS_PENDING_MAX + LEASE_BATCHES + REDIS_ERRANDS_MAX +
                       3, /* the heartbeat, INFO, TIME */
        .on_state = redis_node_on_state,
    };
    if (node->host == NULL)
        return;
    node->settings.url.host = node->host;
    node->settings.url.port = node->port;
}

struct redis_node *redis_node_new(struct redis_store *store,
    struct event_base *base, const char *host, uint16_t port)
{
    struct redis_node *node = xcalloc(1, sizeof *node);
    node->store = store;
    node->base = base;
    node->host = host == NULL ? NULL : xstrdup(host);
    node->port = port;
    node->description = host == NULL
                            ? xstrdup(store->description)
                            : xprintf("%s, node %s:%u,", store->description,
                                  host, (unsigned)port);
    node->links[0].node = node->links[1].node = node;
    node->link = &node->links[0];
    TAILQ_INIT(&node->parts);
    breaker_init(&node->breaker);
    heartbeat_init(node);
    redis_room_init(&node->room, node);
    redis_clock_init(&node->clock);
    node->tick = evtimer_new(base, redis_node_on_tick, node);
    node->deadline = evtimer_new(base, redis_node_on_deadline, node);
    if (node->tick == NULL || node->deadline == NULL)
        abort();
    redis_node_set(node);
    redis_link_open(node->link);
    return node;
}

void redis_node_aim(struct redis_node *node, const char *host, uint16_t port)
{
    if (node->host != NULL && node->port == port &&
        strcmp(node->host, host) == 0)
        return;
    log_info("store %s: the server is %s:%u", node->description, host,
        (unsigned)port);
    free(node->host);
    node->host = xstrdup(host);
    node->port = port;
    node->settings.url.host = node->host;
    node->settings.url.port = port;
    for (size_t i = 0; i < 2; i++)
        if (node->links[i].connection != NULL && !node->links[i].is_retired)
            redis_connection_aim(node->links[i].connection, host, port,
                "another server is the master now");
}

/* A heartbeat alone is not what anybody waits for; but the node that it has
 * been asked of must be there when it is answered. */
bool redis_node_is_idle(const struct redis_node *node)
{
    return TAILQ_EMPTY(&node->parts) &&
           redis_connection_is_idle(redis_node_connection(node));
}

void redis_node_asking(struct redis_node *node)
{
    const char *argv[] = {"ASKING"};
    const size_t lens[] = {6};
    (void)redis_connection_call(
        redis_node_connection(node), NULL, 1, argv, lens);
}

void redis_node_free(struct redis_node **node_p)
{
    struct redis_node *node = *node_p;
    if (node == NULL)
        return;
    redis_connection_free(&node->links[0].connection);
    redis_connection_free(&node->links[1].connection);
    event_free(node->tick);
    event_free(node->deadline);
    free(node->description);
    free(node->host);
    free(node);
    *node_p = NULL;
}

void redis_node_renew(struct redis_node *node)
{
    struct redis_link *next = other_link(node);
    node->wants_renewal = false;
    if (!redis_connection_is_ready(redis_node_connection(node))) {
        redis_connection_drop(
            redis_node_connection(node), "new certificates are there");
        return;
    }
    node->wants_renewal = next->connection != NULL && next->is_retired &&
                          !redis_connection_is_idle(next->connection);
    if (node->wants_renewal)
        return;
    redis_connection_free(&next->connection);
    redis_link_open(next);
}
