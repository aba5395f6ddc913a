/*
 * cluster_reply.c - CLUSTER SLOTS: (first slot, last slot, master, replicas
 * ...) and more of them; a node is (host, port, ...). MOVED and ASK: a text.
 */
#include "common/redis/cluster_reply.h"

#include "common/base/decimal.h"

#include <hiredis/hiredis.h>
#include <string.h>

/* Each slot twice, though once is all that a node says; or a large reply that
 * names all of them in each of its ranges would keep the loop. */
#define NAMED_MAX (2 * REDIS_SLOTS)

static bool slot_read(const redisReply *reply, unsigned *slot_r)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 ||
        reply->integer >= REDIS_SLOTS)
        return false;
    *slot_r = (unsigned)reply->integer;
    return true;
}

static bool host_or_asked(
    const redisReply *reply, const char *asked_host, char *out)
{
    bool is_empty = reply->type == REDIS_REPLY_NIL ||
                    (reply->type == REDIS_REPLY_STRING && reply->len == 0);
    size_t len = strlen(asked_host);
    if (!is_empty)
        return redis_host_read(reply, out) && strcmp(out, "?") != 0;
    if (len >= REDIS_HOST_SIZE)
        return false;
    memcpy(out, asked_host, len + 1);
    return true;
}

static bool node_read(const redisReply *reply, const char *asked_host,
    struct redis_address *address_r)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 &&
           host_or_asked(reply->element[0], asked_host, address_r->host) &&
           redis_port_read(reply->element[1], &address_r->port);
}

/* Its place in the map; CLUSTER_NOBODY if there is no room. */
static uint16_t map_add(
    struct cluster_map *map, const struct redis_address *address)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->masters[i].port == address->port &&
            strcmp(map->masters[i].host, address->host) == 0)
            return (uint16_t)i;
    if (map->count == CLUSTER_MASTERS_MAX)
        return CLUSTER_NOBODY;
    map->masters[map->count] = *address;
    return (uint16_t)map->count++;
}

/* room: of slots that may still be named. */
static bool range_read(const redisReply *reply, const char *asked_host,
    struct cluster_map *map, unsigned *room)
{
    unsigned first, last;
    struct redis_address master;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 ||
        !slot_read(reply->element[0], &first) ||
        !slot_read(reply->element[1], &last) || first > last ||
        last - first >= *room ||
        !node_read(reply->element[2], asked_host, &master))
        return false;
    *room -= last - first + 1;
    uint16_t owner = map_add(map, &master);
    for (unsigned slot = first; slot <= last; slot++)
        map->owners[slot] = owner;
    return owner != CLUSTER_NOBODY;
}

bool cluster_map_read(
    const redisReply *reply, const char *asked_host, struct cluster_map *map_r)
{
    unsigned room = NAMED_MAX;
    map_r->count = 0;
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
        map_r->owners[slot] = CLUSTER_NOBODY;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (!range_read(reply->element[i], asked_host, map_r, &room))
            return false;
    return true;
}

bool cluster_map_is_whole(const struct cluster_map *map)
{
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
        if (map->owners[slot] == CLUSTER_NOBODY)
            return false;
    return true;
}

/* Digits up to a stop; NULL if there are none or they are too many. */
static const char *digits_read(
    const char *text, char stop, unsigned max, unsigned *value_r)
{
    uint64_t value;
    if (!decimal_read(&text, max, &value) || *text != stop)
        return NULL;
    *value_r = (unsigned)value;
    return text;
}

static bool address_read(
    const char *text, const char *asked_host, struct redis_address *address_r)
{
    const char *colon = strrchr(text, ':');
    unsigned port;
    if (colon == NULL || digits_read(colon + 1, '\0', 65535, &port) == NULL ||
        port == 0)
        return false;
    redisReply host = {
        .type = REDIS_REPLY_STRING,
        .str = (char *)(uintptr_t)text,
        .len = (size_t)(colon - text),
    };
    address_r->port = (uint16_t)port;
    return host_or_asked(&host, asked_host, address_r->host);
}

bool cluster_redirect_read(const char *text, const char *asked_host,
    struct cluster_redirect *redirect_r)
{
    static const char moved[] = "MOVED ", ask[] = "ASK ";
    redirect_r->is_ask = strncmp(text, ask, sizeof ask - 1) == 0;
    if (!redirect_r->is_ask && strncmp(text, moved, sizeof moved - 1) != 0)
        return false;
    text += redirect_r->is_ask ? sizeof ask - 1 : sizeof moved - 1;
    text = digits_read(text, ' ', REDIS_SLOTS - 1, &redirect_r->slot);
    return text != NULL &&
           address_read(text + 1, asked_host, &redirect_r->address);
}
