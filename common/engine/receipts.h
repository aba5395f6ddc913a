/*
 * receipts.h - what a message that is under way has been charged, so that it
 * can be given back if the message does not go.
 *
 * Kept by a face for each message, all zero at first; one counter is one
 * receipt, however many recipients were charged to it. Sliding windows of
 * messages and recipients alone: fixed ones count as anvil does, bytes count at
 * the end, places of connections are leases. What finds no room, and what was
 * charged before a reload, stays charged.
 */
#ifndef TOLLGATE_ENGINE_RECEIPTS_H
#define TOLLGATE_ENGINE_RECEIPTS_H

#include "common/engine/engine.h"

#define RECEIPTS_MAX 32 /* counters of one message */

struct receipt;

struct receipts {
    struct receipt *first;
    size_t count;
    struct config *config; /* in force when they were made; held */
};

/* After a passing verdict. asked_ms: clock_monotonic_ms before engine_decide,
 * or earlier. */
void receipts_add(
    struct receipts *, const struct decision *, uint64_t asked_ms);
/* Empty afterwards, all three. */
void receipts_give_back(struct receipts *, struct engine *);
void receipts_clear(struct receipts *);
void receipts_move(struct receipts *from, struct receipts *to_r);

#endif
