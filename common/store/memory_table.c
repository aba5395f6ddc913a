/*
 * memory_table.c - see memory_table.h.
 *
 * Keys come from strangers, so the hash is keyed: a chain is short whatever
 * they send, and the order of the buckets is as good as random, which makes
 * the hand's next few entries a fair sample of all. Memory that runs out ends
 * the process (base/alloc.h).
 */
#include "common/store/memory_table.h"

#include "common/base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_AT_START   16
#define SAMPLE          16  /* entries that an eviction chooses from */
#define SAMPLE_REFUSING 128 /* as long as it has seen only refusing ones */

void memory_table_init(struct memory_table *table, size_t entries_max)
{
    memset(table, 0, sizeof *table);
    table->entries_max = entries_max;
    table->capacity = SIZE_AT_START;
    while (table->capacity < entries_max)
        table->capacity *= 2;
    table->size = SIZE_AT_START;
    table->buckets = xcalloc(table->capacity, sizeof(struct memory_entry *));
    hash_key_init(&table->hash_key);
}

void memory_table_clear(struct memory_table *table)
{
    for (size_t bucket = 0; bucket < table->size; bucket++) {
        struct memory_entry *entry = table->buckets[bucket];

        while (entry != NULL) {
            struct memory_entry *next = entry->next;

            free(entry);
            entry = next;
        }
    }
    free(table->buckets);
    memset(table, 0, sizeof *table);
}

uint32_t memory_table_hash(
    const struct memory_table *table, const char *bytes, size_t len)
{
    return (uint32_t)hash_bytes(&table->hash_key, bytes, len);
}

/*
 * size is between two powers of 2, low and 2 * low. Buckets below size - low
 * have been split: their entries were told apart by one more bit.
 */
static struct memory_entry **bucket_of(
    const struct memory_table *table, uint32_t hash)
{
    size_t low = (size_t)1 << (63 - __builtin_clzll(table->size));
    size_t bucket = hash & (2 * low - 1);

    return &table->buckets[bucket < table->size ? bucket : bucket - low];
}

static char *entry_key(struct memory_entry *entry)
{
    return (char *)entry->state + entry->state_size;
}

struct memory_entry *memory_table_find(
    const struct memory_table *table, const struct memory_key *key)
{
    struct memory_entry *entry = *bucket_of(table, key->hash);

    while (entry != NULL &&
           (entry->hash != key->hash || entry->key_len != key->len ||
               memcmp(entry_key(entry), key->bytes, key->len) != 0))
        entry = entry->next;
    return entry;
}

static void split_bucket(struct memory_table *table)
{
    size_t low = (size_t)1 << (63 - __builtin_clzll(table->size));
    struct memory_entry *entry = table->buckets[table->size - low];

    table->buckets[table->size - low] = NULL;
    table->size++;
    while (entry != NULL) {
        struct memory_entry *next = entry->next;
        struct memory_entry **bucket = bucket_of(table, entry->hash);

        entry->next = *bucket;
        *bucket = entry;
        entry = next;
    }
}

static struct memory_entry *entry_new(
    size_t state_size, const char *key, size_t key_len)
{
    struct memory_entry *entry =
        xcalloc(1, sizeof *entry + state_size + key_len);

    entry->state_size = (uint16_t)state_size;
    entry->key_len = (uint16_t)key_len;
    memcpy(entry_key(entry), key, key_len);
    return entry;
}

static size_t round_up(size_t size)
{
    return (size + 7) / 8 * 8;
}

struct memory_entry *memory_table_insert(
    struct memory_table *table, const struct memory_key *key, size_t state_size)
{
    struct memory_entry *entry =
        entry_new(round_up(state_size), key->bytes, key->len);
    struct memory_entry **bucket;

    if (table->count >= table->size && table->size < table->capacity)
        split_bucket(table);
    bucket = bucket_of(table, key->hash);
    entry->hash = key->hash;
    entry->next = *bucket;
    *bucket = entry;
    table->count++;
    return entry;
}

struct memory_entry *memory_table_resize(
    struct memory_table *table, struct memory_entry *entry, size_t state_size)
{
    struct memory_entry *larger =
        entry_new(round_up(state_size), entry_key(entry), entry->key_len);
    struct memory_entry **link = bucket_of(table, entry->hash);

    larger->next = entry->next;
    larger->last_ms = entry->last_ms;
    larger->refusing_ms = entry->refusing_ms;
    larger->hash = entry->hash;
    larger->used_s = entry->used_s;
    memcpy(larger->state, entry->state, entry->state_size);
    while (*link != entry)
        link = &(*link)->next;
    *link = larger;
    free(entry);
    return larger;
}

static void remove_at(struct memory_table *table, struct memory_entry **link)
{
    struct memory_entry *entry = *link;

    *link = entry->next;
    free(entry);
    table->count--;
}

static struct memory_entry **next_bucket(struct memory_table *table)
{
    if (table->hand >= table->size)
        table->hand = 0;
    return &table->buckets[table->hand++];
}

static void drop_expired(struct memory_table *table, uint64_t now_ms)
{
    struct memory_entry **link = next_bucket(table);

    while (*link != NULL) {
        if ((*link)->last_ms < now_ms)
            remove_at(table, link);
        else
            link = &(*link)->next;
    }
    /* The next one's turn comes with the next charge: time to fetch it. */
    if (table->hand < table->size)
        __builtin_prefetch(table->buckets[table->hand]);
}

/* Is a the better one to lose? */
static bool is_dearer(
    const struct memory_entry *a, const struct memory_entry *b, uint64_t now_ms)
{
    bool a_refuses = a->refusing_ms > now_ms;
    bool b_refuses = b->refusing_ms > now_ms;

    return a_refuses == b_refuses ? a->used_s > b->used_s : a_refuses;
}

/*
 * Removes the first expired entry that the hand meets, or else the cheapest
 * of those it looked at. There are entries: the table is full.
 */
static void evict(struct memory_table *table, uint64_t now_ms)
{
    struct memory_entry **victim = NULL;
    unsigned seen = 0;

    while (victim == NULL || seen < SAMPLE ||
           (seen < SAMPLE_REFUSING && (*victim)->refusing_ms > now_ms)) {
        struct memory_entry **link = next_bucket(table);

        for (; *link != NULL; link = &(*link)->next, seen++) {
            if ((*link)->last_ms < now_ms) {
                remove_at(table, link);
                return;
            }
            if (victim == NULL || is_dearer(*victim, *link, now_ms))
                victim = link;
        }
    }
    remove_at(table, victim);
}

/*
 * One bucket for each entry that may be made: while one round of the hand
 * passes, no more are made than there are buckets, so what is over and still
 * there is at most about as much as what is live.
 */
void memory_table_tend(
    struct memory_table *table, size_t wanted, uint64_t now_ms)
{
    for (size_t i = 0; i < wanted; i++)
        drop_expired(table, now_ms);
    while (table->count > 0 && table->count + wanted > table->entries_max)
        evict(table, now_ms);
}
