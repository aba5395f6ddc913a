/*
 * usages.h - what has come to each limit in this hour, of this daemon; and the
 * records of it in the store, from which `tollgatectl report` is made.
 *
 * Only with `usage_report`. A decision is noted after the store has answered
 * it; what is decided without the store is not. USAGE_TEXT_MAX bytes a limit
 * and hour, written at most once in USAGES_EVERY_MS and at the end.
 */
#ifndef TOLLGATE_ENGINE_USAGES_H
#define TOLLGATE_ENGINE_USAGES_H

#include "common/engine/engine.h"

#define USAGES_EVERY_MS 15000
#define USAGES_AT_ONCE  4 /* records, in one turn of the loop */

struct usages;

/* The store is borrowed; wall_ms: the clock of the wall. */
struct usages *usages_new(struct store *, uint64_t wall_ms);
void usages_free(struct usages **);

/* After a reload: limits are elsewhere now. */
void usages_follow(struct usages *);

/* The decision's charges have been answered. */
void usages_note(struct usages *, const struct decision *, uint64_t now_ms);

/* Writes a few records that are due; from a timer, every few seconds. Clocks:
 * monotonic, and of the wall. */
void usages_tend(struct usages *, uint64_t now_ms, uint64_t wall_ms);
/* Writes all that the store does not know yet. */
void usages_flush(struct usages *, uint64_t now_ms, uint64_t wall_ms);

#endif
