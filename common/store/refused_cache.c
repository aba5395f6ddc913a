/*
 * refused_cache.c - a table of fixed size, four places for each hash.
 *
 * A counter is known by 64 bits of keyed hash over its subject, its name, its
 * limit and its window: who changes a limit asks the server anew.
 */
#include "common/store/refused_cache.h"

#include "common/base/alloc.h"
#include "common/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define WAYS         4
#define NAME_MAX_LEN 255

struct refused {
    uint64_t hash;
    uint64_t until_ms;   /* as the server said */
    uint64_t trusted_ms; /* not believed from here on; 0: free */
    uint32_t amount;
    uint32_t used : 31;
    uint32_t is_asked : 1; /* the server, again, before trusted_ms */
};

struct refused_cache {
    struct hash_key hash_key;
    size_t sets;
    struct refused *entries;
};

struct refused_cache *refused_cache_new(size_t entries)
{
    struct refused_cache *cache = xcalloc(1, sizeof *cache);
    hash_key_init(&cache->hash_key);
    cache->sets = entries / WAYS;
    cache->entries = xcalloc(entries, sizeof(struct refused));
    return cache;
}

void refused_cache_free(struct refused_cache **cache)
{
    if (*cache == NULL)
        return;
    free((*cache)->entries);
    free(*cache);
    *cache = NULL;
}

void refused_cache_clear(struct refused_cache *cache)
{
    /* No entry is found under another key, and no memory is touched. */
    hash_key_init(&cache->hash_key);
}

static uint64_t refused_hash(
    const struct refused_cache *cache, const struct charge *charge)
{
    struct {
        uint64_t window_ms;
        uint32_t limit;
        char text[SUBJECT_SIZE + NAME_MAX_LEN];
    } key;
    size_t subject_len = charge->subject->len;
    size_t name_len = strnlen(charge->name, NAME_MAX_LEN);
    key.window_ms = charge->window_ms;
    key.limit = charge->limit;
    memcpy(key.text, charge->subject->text, subject_len);
    key.text[subject_len] = '\0';
    memcpy(key.text + subject_len + 1, charge->name, name_len);
    return hash_bytes(&cache->hash_key, &key,
        (size_t)(key.text - (char *)&key) + subject_len + 1 + name_len);
}

static struct refused *refused_set(
    const struct refused_cache *cache, uint64_t hash)
{
    return &cache->entries[(hash & (cache->sets - 1)) * WAYS];
}

/* Its own place, or the one that is believed for the shortest time. */
static struct refused *refused_place(
    const struct refused_cache *cache, uint64_t hash)
{
    struct refused *set = refused_set(cache, hash), *place = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].trusted_ms < place->trusted_ms)
            place = &set[i];
    }
    return place;
}

static bool charge_can_be_known(const struct charge *charge)
{
    return charge->kind == CHARGE_SLIDING && !charge->shadow;
}

void refused_cache_note(struct refused_cache *cache,
    const struct charge *charges, size_t count, uint64_t sent_ms)
{
    for (size_t i = 0; i < count; i++) {
        const struct charge *charge = &charges[i];
        if (!charge_can_be_known(charge) || charge->retry_ms <= 0)
            continue;
        uint64_t until_ms = sent_ms + (uint64_t)charge->retry_ms;
        uint64_t trusted_ms = sent_ms + REFUSED_TRUST_MS;
        uint64_t hash = refused_hash(cache, charge);
        *refused_place(cache, hash) = (struct refused){
            .hash = hash,
            .until_ms = until_ms,
            .trusted_ms = until_ms < trusted_ms ? until_ms : trusted_ms,
            .amount = charge->amount,
            .used = charge->used & INT32_MAX,
        };
    }
}

/* The entry that refuses this charge now, or NULL. */
static struct refused *refused_find(const struct refused_cache *cache,
    const struct charge *charge, uint64_t now_ms)
{
    uint64_t hash = refused_hash(cache, charge);
    struct refused *set = refused_set(cache, hash);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash && now_ms < set[i].trusted_ms &&
            charge->amount >= set[i].amount)
            return &set[i];
    return NULL;
}

/* Is it this request's turn to ask? */
static bool refused_is_due(struct refused *entry, uint64_t now_ms)
{
    bool is_due = !entry->is_asked && entry->trusted_ms < entry->until_ms &&
                  now_ms + REFUSED_AHEAD_MS >= entry->trusted_ms;
    if (is_due)
        entry->is_asked = true;
    return is_due;
}

void refused_cache_forget(
    struct refused_cache *cache, const struct charge *charge)
{
    uint64_t hash = refused_hash(cache, charge);
    struct refused *set = refused_set(cache, hash);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash)
            set[i].trusted_ms = 0;
}

static void charge_clear(struct charge *charge)
{
    charge->refused = false;
    charge->used = 0;
    charge->retry_ms = 0;
}

static void charge_refuse(
    struct charge *charge, const struct refused *known, uint64_t now_ms)
{
    charge->refused = true;
    charge->used = known->used;
    charge->retry_ms = charge->amount > charge->limit
                           ? CHARGE_NEVER
                           : (int64_t)(known->until_ms - now_ms);
}

static bool answer(const struct refused_cache *cache, struct charge *charges,
    size_t count, uint64_t now_ms, bool is_look)
{
    bool is_known = false, is_due = false;
    for (size_t i = 0; i < count; i++)
        if (charges[i].kind == CHARGE_FIXED)
            return false;
    for (size_t i = 0; i < count; i++) {
        charge_clear(&charges[i]);
        struct refused *known = charge_can_be_known(&charges[i])
                                    ? refused_find(cache, &charges[i], now_ms)
                                    : NULL;
        if (known == NULL)
            continue;
        is_due |= !is_look && refused_is_due(known, now_ms);
        charge_refuse(&charges[i], known, now_ms);
        is_known = true;
    }
    return is_known && !is_due;
}

bool refused_cache_answer(struct refused_cache *cache, struct charge *charges,
    size_t count, uint64_t now_ms)
{
    return answer(cache, charges, count, now_ms, false);
}

bool refused_cache_look(const struct refused_cache *cache,
    struct charge *charges, size_t count, uint64_t now_ms)
{
    return answer(cache, charges, count, now_ms, true);
}
