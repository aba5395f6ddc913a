/*
 * heavy.c - see heavy.h.
 *
 * Called at each decision, so nothing is sorted and nothing allocated: a
 * hash finds the slot. Which slot is smallest is not kept either: a hand goes
 * round until it meets one that still has the smallest count, and only when a
 * whole round met none is that count looked for anew; a round pays for the
 * many that were found at once.
 */
#include "common/core/heavy.h"

#include <string.h>

void heavy_clear(struct heavy *heavy)
{
    memset(heavy, 0, sizeof *heavy);
}

struct heavy_key heavy_key_of(
    const struct hash_key *hash_key, const void *bytes, size_t len)
{
    struct heavy_key key = {
        .bytes = bytes, .len = len < HEAVY_KEY_SIZE ? len : HEAVY_KEY_SIZE};

    key.hash = hash_bytes(hash_key, key.bytes, key.len);
    return key;
}

static uint16_t bucket_of(const struct heavy_key *key)
{
    return (uint16_t)(key->hash % HEAVY_BUCKETS);
}

static bool slot_has(const struct heavy_slot *slot, const struct heavy_key *key)
{
    return slot->key_len == key->len &&
           memcmp(slot->key, key->bytes, key->len) == 0;
}

/* Index + 1; 0: it is not there. */
static uint16_t find(const struct heavy *heavy, const struct heavy_key *key)
{
    uint16_t at = heavy->buckets[bucket_of(key)];
    while (at != 0 && !slot_has(&heavy->slots[at - 1], key))
        at = heavy->slots[at - 1].next;
    return at;
}

static void look_for_smallest(struct heavy *heavy)
{
    heavy->smallest = UINT64_MAX;
    for (size_t i = 0; i < HEAVY_SLOTS; i++)
        if (heavy->slots[i].count < heavy->smallest)
            heavy->smallest = heavy->slots[i].count;
}

static size_t find_smallest(struct heavy *heavy)
{
    for (;;) {
        for (size_t i = 0; i < HEAVY_SLOTS; i++) {
            size_t at = heavy->hand++ % HEAVY_SLOTS;
            if (heavy->slots[at].count == heavy->smallest)
                return at;
        }
        look_for_smallest(heavy);
    }
}

static void slot_unlink(struct heavy *heavy, size_t index)
{
    const struct heavy_slot *slot = &heavy->slots[index];
    uint16_t *at = &heavy->buckets[slot->bucket];
    while (*at != index + 1)
        at = &heavy->slots[*at - 1].next;
    *at = slot->next;
}

/* A slot for a new key, with what it inherits. */
static struct heavy_slot *slot_take(
    struct heavy *heavy, const struct heavy_key *key)
{
    uint16_t bucket = bucket_of(key);
    size_t index = heavy->used;
    uint64_t inherited = 0;
    if (index < HEAVY_SLOTS) {
        heavy->used++;
    } else {
        index = find_smallest(heavy);
        slot_unlink(heavy, index);
        inherited = heavy->slots[index].count;
    }
    struct heavy_slot *slot = &heavy->slots[index];
    slot->next = heavy->buckets[bucket];
    slot->bucket = bucket;
    slot->key_len = (uint8_t)key->len;
    memcpy(slot->key, key->bytes, key->len);
    slot->count = slot->error = inherited;
    slot->marked = 0;
    slot->mark = 0;
    heavy->buckets[bucket] = (uint16_t)(index + 1);
    return slot;
}

struct heavy_slot *heavy_note(struct heavy *heavy, const struct heavy_key *key,
    uint64_t amount, uint8_t mark)
{
    uint16_t at = find(heavy, key);
    struct heavy_slot *slot =
        at != 0 ? &heavy->slots[at - 1] : slot_take(heavy, key);
    heavy->total += amount;
    slot->count += amount;
    if (mark != 0) {
        slot->marked += amount;
        slot->mark = mark;
    }
    return slot;
}

uint64_t heavy_unlisted(const struct heavy *heavy)
{
    uint64_t smallest = UINT64_MAX;
    if (heavy->used < HEAVY_SLOTS)
        return 0;
    for (size_t i = 0; i < HEAVY_SLOTS; i++)
        if (heavy->slots[i].count < smallest)
            smallest = heavy->slots[i].count;
    return smallest;
}
