/*
 * key_check.h - can a request ever have this key? For who writes keys by hand.
 *
 * Pure. Answers no only where that is certain: a pattern, an address without
 * its first half, a client that the limit does not count.
 */
#ifndef TOLLGATE_ENGINE_KEY_CHECK_H
#define TOLLGATE_ENGINE_KEY_CHECK_H

#include "common/engine/counters.h"

/* One part of the limit's key. False: err says why none has it. */
bool key_may_occur(const struct counter_key *, const struct config *,
    const struct limit *, struct error *err);

/* The same of any part but a client, whatever counts it. */
bool name_may_occur(const struct counter_key *, struct error *err);

/* The same of a service's title. */
bool service_may_occur(const char *title, const struct config *,
    const struct limit *, struct error *err);

#endif
