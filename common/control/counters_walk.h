/*
 * counters_walk.h - asks the store about the counters of a key, one after the
 * other, and for connections who holds them.
 *
 * Knows the store, not JSON: what is found is handed to the command.
 */
#ifndef TOLLGATE_CONTROL_COUNTERS_WALK_H
#define TOLLGATE_CONTROL_COUNTERS_WALK_H

#include "common/engine/counters.h"
#include "common/engine/engine.h"
#include "common/store/store_inspect.h"

struct counters_walk;

struct counters_events {
    /* A counter that is not 0, or of a limit by the calendar. walk_forget: one
     * that has been forgotten. */
    void (*on_counter)(void *context, const struct counter *,
        const struct store_holder *holders, size_t holder_count);
    /* All have been asked about; the walk may be freed. */
    void (*on_end)(void *context, enum store_status);
    void *context;
};

/* Begins at one of the two verbs below. Holds the engine's snapshot. */
struct counters_walk *counters_walk_new(struct engine *,
    const struct counter_key *, const struct counters_events *);
void counters_walk_show(struct counters_walk *);
/* Forgets all but what is open. */
void counters_walk_forget(struct counters_walk *);
/* In the middle of it, too: no event after it. */
void counters_walk_free(struct counters_walk **);

/* What a holder has told of itself; "": nothing that we know. Only from
 * on_counter. */
const char *counters_walk_name(
    const struct counters_walk *, const struct store_holder *);

#endif
