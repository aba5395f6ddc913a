/*
 * refused_cache.h - who is known to be refused, and until when.
 *
 * Pure; the clock is an argument. A sliding window frees its place at a known
 * moment and never before, so until then the answer needs no round trip. The
 * moment is counted from when the request was sent, which is earlier than the
 * server's clock read it: never longer than the server would refuse. But
 * counters may vanish (FLUSHALL, a failover that lost writes), hence nothing
 * is believed for longer than REFUSED_TRUST_MS, and the holder clears the
 * table at each new connection. REFUSED_AHEAD_MS before that one request, and
 * no other, is sent to the server again: a client that comes over many
 * connections at once costs a call a second, and not one for each of them.
 * Units that are taken back before their time free a place too: who takes them
 * back says so, and other daemons hear of it after REFUSED_TRUST_MS. Not for a
 * Cluster's counters, from which refusals themselves take back.
 */
#ifndef TOLLGATE_STORE_REFUSED_CACHE_H
#define TOLLGATE_STORE_REFUSED_CACHE_H

#include "common/core/charge.h"

#include <stddef.h>

#define REFUSED_TRUST_MS 1000
#define REFUSED_AHEAD_MS 100

struct refused_cache;

/* entries: a power of two. A full set of places forgets the oldest. */
struct refused_cache *refused_cache_new(size_t entries);
void refused_cache_free(struct refused_cache **);
void refused_cache_clear(struct refused_cache *);

/* After a reply: keeps each refused charge that may be kept. */
void refused_cache_note(struct refused_cache *, const struct charge *,
    size_t count, uint64_t sent_ms);
/* The charge's counter is asked about again. */
void refused_cache_forget(struct refused_cache *, const struct charge *);
/*
 * True, with the results filled, if one of the charges is known to refuse the
 * request. What is not known of the others is 0. False: the server is asked
 * now, and its reply noted.
 */
bool refused_cache_answer(
    struct refused_cache *, struct charge *, size_t count, uint64_t now_ms);
/* The same, where the server is not asked: it is nobody's turn. */
bool refused_cache_look(const struct refused_cache *, struct charge *,
    size_t count, uint64_t now_ms);

#endif
