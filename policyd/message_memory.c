/*
 * message_memory.c - which messages have been counted, for one hour.
 *
 * A ring of entries in the order in which the messages came, found through a
 * chained hash. Writes nothing anywhere and needs no clean-up. All memory is
 * reserved at the start and touched as it fills, so a flood of messages can
 * only shorten the hour.
 *
 * Most messages are new, and to learn that one is has to be cheap: the chains
 * lie apart from the entries, in little memory, and nobody unlinks an entry
 * whose place is used again. A chain leads from newer to older messages, so
 * where it seems to lead to a newer one, it has ended.
 */
#include "policyd/message_memory.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS     (1u << 17) /* the power of two above the most messages */
#define LIFETIME_MS (60u * 60 * 1000)

/* Places are counted from 1, so that buckets can start as zeros. */
#define NONE 0u

struct message_link {
    uint32_t hash;
    uint32_t older; /* in the same bucket; NONE ends */
};

struct message_entry { /* one cache line */
    char instance[MESSAGE_INSTANCE_SIZE];
    struct message_seen seen;
    uint64_t noted_ms;
};

struct message_memory {
    struct hash_key key;
    uint32_t newest; /* the place that was filled last */
    uint32_t buckets[BUCKETS];
    struct message_link links[1 + MESSAGE_MEMORY_MAX];
    struct message_entry entries[1 + MESSAGE_MEMORY_MAX];
};

struct message_memory *message_memory_new(void)
{
    struct message_memory *memory = xcalloc(1, sizeof *memory);

    hash_key_init(&memory->key);
    memory->newest = MESSAGE_MEMORY_MAX;
    return memory;
}

void message_memory_free(struct message_memory **memory)
{
    free(*memory);
    *memory = NULL;
}

uint32_t message_memory_hash(
    const struct message_memory *memory, const char *instance)
{
    uint32_t hash =
        (uint32_t)hash_bytes(&memory->key, instance, strlen(instance));

    __builtin_prefetch(&memory->buckets[hash % BUCKETS]);
    return hash;
}

/* How many messages came after the one in this place. */
static uint32_t age_of(const struct message_memory *memory, uint32_t place)
{
    return memory->newest >= place
               ? memory->newest - place
               : memory->newest + MESSAGE_MEMORY_MAX - place;
}

static struct message_entry *entry_find(
    struct message_memory *memory, uint32_t hash, const char *instance)
{
    uint32_t place = memory->buckets[hash % BUCKETS];

    while (place != NONE) {
        const struct message_link *link = &memory->links[place];
        if (link->hash == hash &&
            strcmp(memory->entries[place].instance, instance) == 0)
            return &memory->entries[place];
        if (link->older == NONE ||
            age_of(memory, link->older) <= age_of(memory, place))
            break;
        place = link->older;
    }
    return NULL;
}

/* In the place of the oldest. */
static struct message_entry *entry_add(
    struct message_memory *memory, uint32_t hash, const char *instance)
{
    uint32_t *bucket = &memory->buckets[hash % BUCKETS];
    uint32_t place = memory->newest % MESSAGE_MEMORY_MAX + 1;
    struct message_entry *entry = &memory->entries[place];
    bool is_used_again =
        memory->links[*bucket].hash % BUCKETS != hash % BUCKETS;

    memory->newest = place;
    memory->links[place] = (struct message_link){
        .hash = hash, .older = is_used_again ? NONE : *bucket};
    *bucket = place;
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

char *message_seen_format(
    struct message_seen seen, char text[MESSAGE_SEEN_TEXT_SIZE])
{
    int len = snprintf(text, MESSAGE_SEEN_TEXT_SIZE, "%d %" PRIu32,
        seen.is_counted ? 1 : 0, seen.recipients);

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

    if ((text[0] != '0' && text[0] != '1') || text[1] != ' ')
        return none;
    for (const char *at = text + 2; *at != '\0'; at++, digits++) {
        if (*at < '0' || *at > '9' || digits == 10)
            return none;
        recipients = recipients * 10 + (uint64_t)(*at - '0');
    }
    if (digits == 0 || recipients > UINT32_MAX)
        return none;
    return (struct message_seen){
        .is_counted = text[0] == '1', .recipients = (uint32_t)recipients};
}
