/*
 * memory_table.h - the entries of the memory store: found by key, dropped
 * when they count nothing any more, evicted when there are too many.
 *
 * Knows when an entry is over and whether it refuses, not what it counts.
 * Linear hashing: the table grows by one bucket per insertion, in an array
 * that is reserved at its full size at the start (pages that were never used
 * cost nothing), so growth is never felt. One hand goes round the buckets,
 * one for each charge.
 */
#ifndef TOLLGATE_STORE_MEMORY_TABLE_H
#define TOLLGATE_STORE_MEMORY_TABLE_H

#include "common/base/hash.h"

#include <stddef.h>
#include <stdint.h>

struct memory_entry {
    struct memory_entry *next;
    uint64_t last_ms;     /* after it, nothing is counted here any more */
    uint64_t refusing_ms; /* until then it refuses */
    uint32_t hash;
    uint32_t used_s;     /* when it was last asked about */
    uint16_t state_size; /* a multiple of 8 */
    uint16_t key_len;
    uint64_t state[]; /* state_size bytes, then the key */
};

struct memory_table {
    struct memory_entry **buckets; /* `capacity` of them, a power of 2 */
    size_t capacity;
    size_t size;  /* buckets in use */
    size_t hand;  /* the next bucket to be looked at */
    size_t count; /* of entries */
    size_t entries_max;
    struct hash_key hash_key;
};

struct memory_key {
    const char *bytes;
    size_t len;
    uint32_t hash; /* memory_table_hash */
};

/* At most entries_max entries. */
void memory_table_init(struct memory_table *, size_t entries_max);
/* Frees all entries. */
void memory_table_clear(struct memory_table *);

/* Keyed, so that a stranger cannot choose keys of one bucket. */
uint32_t memory_table_hash(
    const struct memory_table *, const char *bytes, size_t len);
/* NULL if there is none. Valid until tend, resize or clear. */
struct memory_entry *memory_table_find(
    const struct memory_table *, const struct memory_key *);
/* The key is not there yet. State is all zero. */
struct memory_entry *memory_table_insert(
    struct memory_table *, const struct memory_key *, size_t state_size);
/* A larger state, new bytes zero. Returns where the entry is now. */
struct memory_entry *memory_table_resize(
    struct memory_table *, struct memory_entry *, size_t state_size);

/* Before each request: makes room for `wanted` entries and moves the hand. */
void memory_table_tend(struct memory_table *, size_t wanted, uint64_t now_ms);

#endif
