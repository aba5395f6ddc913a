/*
 * tops.h - what came to this daemon, by key, in the last one to two minutes.
 *
 * One list per face and event, of a fixed size (core/heavy.h); made when the
 * first such event comes. Two minutes' lists take turns. Nothing here is on
 * the way of a charge: a decision is noted when it is over.
 */
#ifndef TOLLGATE_ENGINE_TOPS_H
#define TOLLGATE_ENGINE_TOPS_H

#include "common/core/top_list.h"

struct decision;
struct tops;

#define TOPS_MINUTE_MS 60000

/* Lists are made when the first event of their kind comes. */
struct tops *tops_new(void);
void tops_free(struct tops **);

/* At the end of a decision. now_ms: monotonic. */
void tops_note(struct tops *, const struct decision *, uint64_t now_ms);

/* Adds both minutes, as sources, to the lists. */
void tops_read(struct tops *, struct top_lists *, uint64_t now_ms);

/* All lists, for other daemons: in at most size bytes; returns the length. */
size_t tops_write(struct tops *, char *text, size_t size, uint64_t now_ms);

#endif
