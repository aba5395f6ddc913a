/*
 * heavy.h - who came most often, in a fixed amount of memory.
 *
 * Pure: the space-saving algorithm of Metwally, Agrawal and El Abbadi (2005).
 * Whoever is not in the list takes the place of the one with the smallest
 * count, and inherits it as its error. So a count is never too small, and too
 * large by at most its error; who is not in the list came at most `unlisted`
 * times, which is at most total / HEAVY_SLOTS.
 */
#ifndef TOLLGATE_CORE_HEAVY_H
#define TOLLGATE_CORE_HEAVY_H

#include "common/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAVY_SLOTS    256
#define HEAVY_BUCKETS  512
#define HEAVY_KEY_SIZE 64

struct heavy_slot {
    uint16_t next; /* of the same bucket: index + 1; 0: none */
    uint16_t bucket;
    uint8_t mark; /* the last that it was given; 0: none */
    uint8_t key_len;
    unsigned char key[HEAVY_KEY_SIZE]; /* any bytes */
    uint64_t count;
    uint64_t error;
    uint64_t marked; /* of them, as far as is known; count >= marked */
};

/* Somebody: borrowed bytes, with their hash. Lists that are given the same
 * keys share one, so that it is made once. */
struct heavy_key {
    const void *bytes;
    size_t len;
    uint64_t hash;
};

/* Zero: nobody has come. */
struct heavy {
    uint64_t total;
    uint64_t smallest; /* no slot has less, once all are taken */
    size_t used, hand;
    uint16_t buckets[HEAVY_BUCKETS]; /* index + 1 */
    struct heavy_slot slots[HEAVY_SLOTS];
};

/* All zero again. */
void heavy_clear(struct heavy *);

/* What is longer than HEAVY_KEY_SIZE is cut. A list needs the same hash_key
 * every time. */
struct heavy_key heavy_key_of(
    const struct hash_key *, const void *bytes, size_t len);

/* mark: 1.. for those that count in `marked`, and what the caller means by
 * it; 0: none. Returns the key's slot: it is new there if count is its error
 * and the amount. */
struct heavy_slot *heavy_note(
    struct heavy *, const struct heavy_key *, uint64_t amount, uint8_t mark);

/* The most that somebody who is not in the list can have come. */
uint64_t heavy_unlisted(const struct heavy *);

#endif
