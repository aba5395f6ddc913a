/*
 * redis_slots.c - a Cluster's slots and the nodes that have them.
 *
 * The map comes from redis/cluster; a MOVED corrects one slot of it at once
 * and has the map asked for. A node that has no slot any more goes as soon as
 * nobody waits for it. Each node's heartbeat needs a key in one of its slots,
 * so its name is tried out; the daemons are counted by the one whose name all
 * of them know.
 */
#include "common/store/redis_store_internal.h"
#include "common/store/store_inspect.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MS  30000 /* a slot is about to get there */
#define NODES_MAX (2 * CLUSTER_MASTERS_MAX)
#define PULSES_MAX \
    400000 /* a node with one slot is found in 16384 on average */

struct redis_slots {
    struct event_base *base;
    struct redis_cluster *cluster;
    bool is_whole;
    struct redis_node *owners[REDIS_SLOTS]; /* NULL: nobody */
};

static struct redis_node *slots_owner(
    const struct redis_store *store, const struct subject *subject)
{
    return store->slots->owners[redis_slot_of_tag(subject->text, subject->len)];
}

struct redis_node *redis_slots_find(
    const struct redis_slots *slots, const char *tag, size_t len)
{
    return slots->owners[redis_slot_of_tag(tag, len)];
}

struct redis_node *redis_slots_node(
    struct redis_store *store, const char *host, uint16_t port)
{
    struct redis_node *node;
    size_t count = 0;
    TAILQ_FOREACH(node, &store->nodes, entry) {
        if (node->port == port && strcmp(node->host, host) == 0)
            return node;
        count++;
    }
    if (count >= NODES_MAX)
        return NULL;
    node = redis_node_new(store, store->slots->base, host, port);
    TAILQ_INSERT_TAIL(&store->nodes, node, entry);
    return node;
}

static bool slots_has(
    const struct redis_store *store, const struct redis_node *node)
{
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
        if (store->slots->owners[slot] == node)
            return true;
    return false;
}

static bool slots_choose_pulse(
    const struct redis_store *store, struct redis_node *node)
{
    if (slots_owner(store, &store_daemons) == node) {
        node->pulse = store_daemons;
        return true;
    }
    if (node->pulse.len > store_daemons.len &&
        slots_owner(store, &node->pulse) == node)
        return true;
    for (unsigned i = 0; i < PULSES_MAX; i++) {
        node->pulse.len = (uint8_t)snprintf(node->pulse.text,
            sizeof node->pulse.text, "%s-%u", store_daemons.text, i);
        if (slots_owner(store, &node->pulse) == node)
            return true;
    }
    return false;
}

/* A node without a slot is on the point of going, or of getting one. */
static void slots_tend_node(struct redis_store *store, struct redis_node *node)
{
    struct subject before = node->pulse;
    node->has_slots = slots_has(store, node) && slots_choose_pulse(store, node);
    bool is_named =
        clock_monotonic_ms() < node->named_ms + NAMED_MS && node->named_ms > 0;
    if (!node->has_slots && !is_named && redis_node_is_idle(node)) {
        TAILQ_REMOVE(&store->nodes, node, entry);
        redis_node_free(&node);
    } else if (redis_node_is_usable(node) &&
               strcmp(before.text, node->pulse.text) != 0) {
        heartbeat_send(node);
    }
}

static void slots_tend(struct redis_store *store)
{
    struct redis_node *node = TAILQ_FIRST(&store->nodes);
    while (node != NULL) {
        struct redis_node *next = TAILQ_NEXT(node, entry);
        slots_tend_node(store, node);
        node = next;
    }
}

static void slots_on_map(void *context, const struct cluster_map *map)
{
    struct redis_store *store = context;
    struct redis_slots *slots = store->slots;
    struct redis_node *nodes[CLUSTER_MASTERS_MAX];
    for (size_t i = 0; i < map->count; i++)
        nodes[i] =
            redis_slots_node(store, map->masters[i].host, map->masters[i].port);
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
        slots->owners[slot] = map->owners[slot] == CLUSTER_NOBODY
                                  ? NULL
                                  : nodes[map->owners[slot]];
    slots->is_whole = cluster_map_is_whole(map);
    slots_tend(store);
    redis_slots_on_node(store);
}

static void slots_on_trouble(void *context, const char *reason)
{
    struct redis_store *store = context;
    if (!redis_slots_are_whole(store))
        redis_store_complain(store, reason);
}

bool redis_slots_are_whole(const struct redis_store *store)
{
    const struct redis_node *node;
    TAILQ_FOREACH(node, &store->nodes, entry)
        if (node->has_slots && !redis_node_is_usable(node))
            return false;
    return store->slots->is_whole;
}

void redis_slots_on_node(struct redis_store *store)
{
    redis_cluster_hurry(store->slots->cluster, !redis_slots_are_whole(store));
}

void redis_slots_moved(
    struct redis_store *store, unsigned slot, struct redis_node *to)
{
    store->slots->owners[slot] = to;
    redis_cluster_ask(store->slots->cluster);
}

void redis_slots_ask(struct redis_store *store)
{
    redis_cluster_ask(store->slots->cluster);
}

void redis_slots_renew(struct redis_store *store)
{
    redis_cluster_renew(store->slots->cluster);
}

void redis_slots_open(struct redis_store *store, struct event_base *base)
{
    const struct redis_cluster_settings settings = {
        .url = &store->url,
        .tls = store->tls,
        .resolver = store->resolver,
        .client_name = store->client_name,
        .timeout_ms = store->timeout_ms,
        .on_map = slots_on_map,
        .on_trouble = slots_on_trouble,
        .context = store,
    };
    store->slots = xcalloc(1, sizeof *store->slots);
    store->slots->base = base;
    store->slots->cluster = redis_cluster_new(base, &settings);
}

void redis_slots_close(struct redis_store *store)
{
    if (store->slots == NULL)
        return;
    redis_cluster_free(&store->slots->cluster);
    free(store->slots);
    store->slots = NULL;
}
