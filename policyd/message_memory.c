/*
 * message_memory.c - which messages have been counted, for one hour.
 *
 * A ring of entries in the order in which the messages came, found through
 * buckets that hold the places of the last sixteen that fell into each.
 * Writes nothing anywhere and needs no clean-up: a place in a bucket whose
 * entry has been used again holds another instance and does not match. All
 * memory is reserved at the start and touched as it fills, so a flood of
 * messages can only shorten the hour.
 *
 * Most messages are new, and to learn that one is takes a single look at one
 * bucket, which can be asked for beforehand. With three messages to a bucket
 * at the most on average, one of them has a seventeenth once in a thousand
 * full memories; then its oldest is forgotten early.
 */
#include "policyd/message_memory.h"

#include "common/base/alloc.h"
#include "common/base/hash.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define LIFETIME_MS (60u * 60 * 1000)

#define BUCKETS    (1u << 15)
#define WAYS       16
#define PLACE_BITS 17 /* of a slot; the others are of the hash */
#define PLACE_MASK ((1u << PLACE_BITS) - 1)

_Static_assert(MESSAGE_MEMORY_MAX <= PLACE_MASK, "a slot holds every place");

#define CACHE_LINE 64

struct message_bucket {
    alignas(CACHE_LINE) uint32_t slots[WAYS]; /* the newest first; 0: none */
};

struct message_entry {
    alignas(CACHE_LINE) char instance[MESSAGE_INSTANCE_SIZE];
    struct message_seen seen;
    uint64_t noted_ms;
};

/* Both are far away when they are needed: a line each, and no second one. */
_Static_assert(sizeof(struct message_bucket) == CACHE_LINE, "one line");
_Static_assert(sizeof(struct message_entry) == CACHE_LINE, "one line");

struct message_memory {
    struct hash_key key;
    uint32_t newest; /* the place that was filled last */
    struct message_bucket buckets[BUCKETS];
    struct message_entry entries[1 + MESSAGE_MEMORY_MAX]; /* from 1 */
};

struct message_memory *message_memory_new(void)
{
    struct message_memory *memory = xmap(sizeof *memory);

    hash_key_init(&memory->key);
    memory->newest = MESSAGE_MEMORY_MAX;
    return memory;
}

void message_memory_free(struct message_memory **memory)
{
    xunmap(*memory, sizeof **memory);
    *memory = NULL;
}

/* By bits of the hash that are not in a slot. */
static uint32_t bucket_of(uint32_t hash)
{
    return hash % BUCKETS;
}

uint32_t message_memory_hash(
    const struct message_memory *memory, const char *instance)
{
    uint32_t hash =
        (uint32_t)hash_bytes(&memory->key, instance, strlen(instance));

    __builtin_prefetch(&memory->buckets[bucket_of(hash)]);
    return hash;
}

static struct message_entry *entry_find(
    struct message_memory *memory, uint32_t hash, const char *instance)
{
    const struct message_bucket *bucket = &memory->buckets[bucket_of(hash)];

    for (size_t i = 0; i < WAYS && bucket->slots[i] != 0; i++) {
        uint32_t slot = bucket->slots[i];
        struct message_entry *entry = &memory->entries[slot & PLACE_MASK];
        if ((slot ^ hash) <= PLACE_MASK &&
            strcmp(entry->instance, instance) == 0)
            return entry;
    }
    return NULL;
}

/* In the place of the oldest. */
static struct message_entry *entry_add(
    struct message_memory *memory, uint32_t hash, const char *instance)
{
    struct message_bucket *bucket = &memory->buckets[bucket_of(hash)];
    uint32_t place = memory->newest % MESSAGE_MEMORY_MAX + 1;
    struct message_entry *entry = &memory->entries[place];

    memory->newest = place;
    memmove(&bucket->slots[1], &bucket->slots[0],
        sizeof bucket->slots - sizeof bucket->slots[0]);
    bucket->slots[0] = (hash & ~PLACE_MASK) | place;
    memcpy(entry->instance, instance, strlen(instance) + 1);
    return entry;
}

struct message_seen message_memory_find(struct message_memory *memory,
    uint32_t hash, const char *instance, uint64_t now_ms)
{
    const struct message_entry *entry = entry_find(memory, hash, instance);

    if (entry == NULL || now_ms - entry->noted_ms >= LIFETIME_MS)
        return (struct message_seen){.is_counted = false};
    return entry->seen;
}

void message_memory_note(struct message_memory *memory, uint32_t hash,
    const char *instance, struct message_seen seen, uint64_t now_ms)
{
    if (instance[0] == '\0' || strlen(instance) >= MESSAGE_INSTANCE_SIZE)
        return;
    struct message_entry *entry = entry_find(memory, hash, instance);
    if (entry == NULL)
        entry = entry_add(memory, hash, instance);
    entry->seen = seen;
    entry->noted_ms = now_ms;
}

bool message_seen_is_same(struct message_seen a, struct message_seen b)
{
    return a.is_counted == b.is_counted && a.is_ended == b.is_ended &&
           a.recipients == b.recipients;
}

char *message_seen_format(
    struct message_seen seen, char text[MESSAGE_SEEN_TEXT_SIZE])
{
    int len = snprintf(text, MESSAGE_SEEN_TEXT_SIZE, "%d %" PRIu32,
        seen.is_ended     ? 2
        : seen.is_counted ? 1
                          : 0,
        seen.recipients);

    /* Two digits, a space and ten more fit; gcc wants to be told. */
    if (len < 0 || len >= MESSAGE_SEEN_TEXT_SIZE)
        text[0] = '\0';
    return text;
}

struct message_seen message_seen_parse(const char *text)
{
    const struct message_seen none = {.is_counted = false};
    uint64_t recipients = 0;
    size_t digits = 0;

    if (text[0] < '0' || text[0] > '2' || text[1] != ' ')
        return none;
    for (const char *at = text + 2; *at != '\0'; at++, digits++) {
        if (*at < '0' || *at > '9' || digits == 10)
            return none;
        recipients = recipients * 10 + (uint64_t)(*at - '0');
    }
    if (digits == 0 || recipients > UINT32_MAX)
        return none;
    return (struct message_seen){.is_counted = text[0] != '0',
        .is_ended = text[0] == '2',
        .recipients = (uint32_t)recipients};
}
