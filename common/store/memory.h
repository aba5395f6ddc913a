/*
 * memory.h - the counters of `memory:`, and of an outage: this process's own.
 *
 * Synchronous, with the clock as an argument. Knows windows and nothing of
 * leases, of other processes or of time. Bounded: at entries_max the expired
 * go first, then those not used for longest (by sampling); one that refuses
 * at the moment goes only if all that were looked at do. No operation waits
 * for a sweep or a rehash: both advance by a few steps with each request.
 */
#ifndef TOLLGATE_STORE_MEMORY_H
#define TOLLGATE_STORE_MEMORY_H

#include "common/core/charge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_STORE_ENTRIES_MAX 2000000 /* the default, about 240 MB */
#define MEMORY_STORE_CHARGES_MAX 16

struct memory_store;

struct memory_store *memory_store_new(size_t entries_max); /* at least 64 */
/* All counters are lost. */
void memory_store_free(struct memory_store **);

/*
 * One request of 1..MEMORY_STORE_CHARGES_MAX charges, all or nothing as
 * core/charge.h says; true if it passes. now_ms: monotonic, the same clock
 * at each call. peek: the results say what a charge would do, `used` without
 * it; nothing is counted.
 *
 * CHARGE_LEASE: the caller keeps leases. It sets refused, used and retry_ms
 * before the call; here a lease that is refused and not shadow refuses the
 * request, and nothing of it is changed. After true the caller takes the
 * leases that are not refused, and sets their `used`.
 *
 * A shadow is charged if it would pass and the request passes. Names need to
 * differ in their first 255 bytes. A fixed window is rounded up to whole
 * seconds; field is 0..7 (core/window.h).
 */
bool memory_store_charge(struct memory_store *, struct charge *charges,
    size_t count, bool peek, uint64_t now_ms);

/* The counter that the charge names begins anew, in all its fields; false: it
 * counted nothing. */
bool memory_store_forget(
    struct memory_store *, const struct charge *, uint64_t now_ms);

/*
 * Takes the charge's amount back, which was charged at since_ms or later. Of a
 * sliding window only; what may have left it already is let be.
 */
void memory_store_take_back(struct memory_store *, const struct charge *,
    uint64_t since_ms, uint64_t now_ms);

/*
 * What another store has counted is counted here too, unasked, so that an
 * outage begins with what this process has let in. As that store answered:
 * fixed windows always, sliding ones if the request passed and they did.
 */
void memory_store_note(struct memory_store *, const struct charge *charges,
    size_t count, bool passed, uint64_t now_ms);

/* Counters held now, expired ones included until their turn has come. */
size_t memory_store_count(const struct memory_store *);

#endif
