/*
 * usage.c - see usage.h.
 *
 * On the way of a decision: two look-ups by a hash that is made once. When
 * there are too many keys, half of them go, by one more bit of the hash, which
 * strangers cannot choose: what stays is as good as drawn by lot.
 */
#include "common/core/usage.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL_SHIFT 32 /* heavy.c and the places use the bits below */
#define LEVEL_MAX   31

unsigned usage_bucket(uint32_t use)
{
    if (use < 8)
        return use;
    unsigned doubling = 31 - (unsigned)__builtin_clz(use);
    return 8 + (doubling - 3) * 4 + (use >> (doubling - 2) & 3);
}

uint32_t usage_bucket_last(unsigned bucket)
{
    if (bucket < 8)
        return bucket;
    unsigned doubling = 3 + (bucket - 8) / 4;
    return (uint32_t)((((uint64_t)(bucket - 8) % 4 + 5) << (doubling - 2)) - 1);
}

void usage_clear(struct usage *usage, uint64_t hour)
{
    memset(usage, 0, sizeof *usage);
    usage->hour = hour;
}

static void peak_note(struct usage_peak *peak, const struct usage_event *event)
{
    if (peak->window != event->window)
        peak->refused = 0;
    peak->window = event->window;
    peak->allowed = event->allowed;
    if (event->is_refused && !event->counts_refused &&
        __builtin_add_overflow(peak->refused, event->amount, &peak->refused))
        peak->refused = UINT32_MAX;
    uint64_t use = (uint64_t)event->used + peak->refused;
    if (use > peak->use)
        peak->use = use < UINT32_MAX ? (uint32_t)use : UINT32_MAX;
}

static bool is_kept(uint64_t hash, unsigned level)
{
    return (hash >> LEVEL_SHIFT & ((1u << level) - 1)) == 0;
}

/* Its place, or the free one where it belongs. */
static struct usage_key *place_of(struct usage *usage, uint64_t hash)
{
    size_t at = hash % USAGE_PLACES;

    while (usage->keys[at].hash != 0 && usage->keys[at].hash != hash)
        at = (at + 1) % USAGE_PLACES;
    return &usage->keys[at];
}

static void halve(struct usage *usage)
{
    struct usage_key *old = xcalloc(1, sizeof usage->keys);

    memcpy(old, usage->keys, sizeof usage->keys);
    memset(usage->keys, 0, sizeof usage->keys);
    usage->key_count = 0;
    usage->level++;
    for (size_t i = 0; i < USAGE_PLACES; i++) {
        if (old[i].hash == 0 || !is_kept(old[i].hash, usage->level))
            continue;
        *place_of(usage, old[i].hash) = old[i];
        usage->key_count++;
    }
    free(old);
}

static void key_note(struct usage *usage, const struct usage_event *event)
{
    uint64_t hash = event->key.hash != 0 ? event->key.hash : 1;

    if (!is_kept(hash, usage->level))
        return;
    struct usage_key *key = place_of(usage, hash);
    if (key->hash == 0) {
        key->hash = hash;
        usage->key_count++;
    }
    peak_note(&key->peak, event);
    if (usage->key_count > USAGE_KEYS_MAX && usage->level < LEVEL_MAX)
        halve(usage);
}

void usage_note(struct usage *usage, const struct usage_event *event)
{
    struct heavy_slot *slot = heavy_note(
        &usage->heavy, &event->key, event->amount, event->is_refused ? 1 : 0);
    struct usage_peak *peak = &usage->peaks[slot - usage->heavy.slots];

    if (slot->count == slot->error + event->amount)
        *peak = (struct usage_peak){0};
    peak_note(peak, event);
    if (peak->use > usage->largest)
        usage->largest = peak->use;
    usage->came += event->amount;
    if (event->is_refused)
        usage->refused += event->amount;
    key_note(usage, event);
}
