/*
 * redis_room.c - see redis_room.h.
 *
 * Two calls, because INFO takes one section only before Redis 7. A number that
 * is not there, as with a server that is like Redis but not the same, leaves
 * the whole unknown.
 */
#include "common/store/redis_room.h"

#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS 10000
#define FULL_PERCENT  80

/* What follows "\nname:"; NULL: there is no such line. */
static const char *find_line(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (; text != NULL && *text != '\0'; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, name, len) == 0 && text[len] == ':')
            return text + len + 1;
    }
    return NULL;
}

static bool read_number(const char *text, const char *name, uint64_t *number_r)
{
    const char *value = find_line(text, name);
    if (value == NULL || *value < '0' || *value > '9')
        return false;
    *number_r = strtoull(value, NULL, 10);
    return true;
}

static bool read_memory(struct store_room *room, const char *text)
{
    const char *policy = find_line(text, "maxmemory_policy");
    size_t len =
        policy == NULL ? 0 : strspn(policy, "abcdefghijklmnopqrstuvwxyz-");
    if (len == 0 || len >= sizeof room->policy ||
        !read_number(text, "used_memory", &room->used) ||
        !read_number(text, "maxmemory", &room->max))
        return false;
    memcpy(room->policy, policy, len);
    room->policy[len] = '\0';
    return true;
}

static enum store_room_trouble trouble_of(const struct store_room *room)
{
    if (room->evicted > 0)
        return STORE_ROOM_EVICTS;
    if (room->max == 0)
        return STORE_ROOM_UNBOUNDED;
    return room->used / FULL_PERCENT >= room->max / 100 ? STORE_ROOM_FULL
                                                        : STORE_ROOM_FINE;
}

void store_room_describe(
    const struct store_room *room, char text[STORE_ROOM_TEXT])
{
    switch (room->trouble) {
    case STORE_ROOM_UNKNOWN:
        (void)snprintf(text, STORE_ROOM_TEXT,
            "unknown: it says nothing to INFO, or the user has no right to");
        break;
    case STORE_ROOM_FINE:
        text[0] = '\0';
        break;
    case STORE_ROOM_UNBOUNDED:
        (void)snprintf(text, STORE_ROOM_TEXT,
            "it has no maxmemory: strangers can make it grow until the system "
            "ends it");
        break;
    case STORE_ROOM_FULL:
        (void)snprintf(text, STORE_ROOM_TEXT, "it is %" PRIu64 " %% full; %s",
            room->used * 100 / room->max,
            strcmp(room->policy, "noeviction") == 0
                ? "when it is full each daemon counts alone"
                : "when it is full counters are forgotten");
        break;
    case STORE_ROOM_EVICTS:
        (void)snprintf(text, STORE_ROOM_TEXT,
            "it has evicted %" PRIu64 " keys (%s): counters were forgotten, "
            "maxmemory is too small",
            room->evicted, room->policy);
        break;
    }
}

/* Once for each kind of trouble, until it is over. */
static void log_trouble(struct redis_room *room)
{
    char text[STORE_ROOM_TEXT];
    if (room->found.trouble == room->logged)
        return;
    room->logged = room->found.trouble;
    if (room->logged <= STORE_ROOM_FINE)
        return;
    store_room_describe(&room->found, text);
    log_warn("store %s: memory: %s", room->node->description, text);
}

static void ask(struct redis_room *room, const char *section)
{
    const char *argv[] = {"INFO", section};
    const size_t lens[] = {4, strlen(section)};
    (void)redis_connection_call(
        redis_node_connection(room->node), &room->call, 2, argv, lens);
}

static void take_stats(struct redis_room *room, const char *text)
{
    room->is_stats = false;
    if (!read_number(text, "evicted_keys", &room->next.evicted))
        return;
    room->found = room->next;
    room->found.trouble = trouble_of(&room->found);
    log_trouble(room);
}

static void on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_room *room = call->context;
    bool was_stats = room->is_stats;
    room->is_stats = false;
    if (reply == NULL)
        return;
    if (reply->type != REDIS_REPLY_STRING) {
        room->found = (struct store_room){0};
    } else if (was_stats) {
        take_stats(room, reply->str);
    } else if (read_memory(&room->next, reply->str)) {
        room->is_stats = true;
        ask(room, "stats");
    }
}

void redis_room_init(struct redis_room *room, struct redis_node *node)
{
    room->node = node;
    room->call.on_reply = on_reply;
    room->call.context = room;
}

void redis_room_look(struct redis_room *room, uint64_t now_ms)
{
    if (now_ms < room->due_ms || room->call.slot != NULL)
        return;
    room->due_ms = now_ms + LOOK_EVERY_MS;
    room->is_stats = false;
    room->next = (struct store_room){0};
    ask(room, "memory");
}

void redis_room_forget(struct redis_room *room)
{
    redis_connection_cancel(&room->call);
    room->due_ms = 0;
    room->found = (struct store_room){0};
}

static uint64_t percent_of(const struct store_room *room)
{
    return room->max == 0 ? 0 : room->used * 100 / room->max;
}

/* The one in the worst trouble, or the fullest, and what all have evicted. */
void redis_room_add(struct store_room *sum, const struct store_room *room)
{
    uint64_t evicted = sum->evicted + room->evicted;
    if (room->trouble > sum->trouble ||
        (room->trouble == sum->trouble && percent_of(room) > percent_of(sum)))
        *sum = *room;
    sum->evicted = evicted;
}
