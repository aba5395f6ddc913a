/*
 * history.h - the last hour, a minute at a time: decisions, refusals, and how
 * long the store took.
 *
 * Pure; of a fixed size. What is counted anyway (metrics.h) is looked at once a
 * minute, so no decision pays for it.
 */
#ifndef TOLLGATE_CONTROL_HISTORY_H
#define TOLLGATE_CONTROL_HISTORY_H

#include <jansson.h>
#include <stdint.h>

struct metrics;

#define HISTORY_MINUTES   60
#define HISTORY_MINUTE_MS 60000

/* Since the daemon's start. */
struct history_totals {
    uint64_t decisions;
    uint64_t refused;        /* of them; deferred ones too */
    uint64_t trips, trip_us; /* answers of a shared store, and their time */
    uint64_t without_store;  /* decisions that were made without it */
};

/* Zero: nothing was looked at yet. */
struct history {
    struct history_totals looks[HISTORY_MINUTES + 1]; /* a ring */
    uint64_t count;                                   /* of looks, ever */
    uint64_t last_ms;                                 /* of the last look */
};

/* The sums over all faces that a minute of the history is a difference of. */
struct history_totals history_totals_of(const struct metrics *);

/* A look, HISTORY_MINUTE_MS after the last one; the first begins the first
 * minute. */
void history_look(
    struct history *, const struct history_totals *, uint64_t now_ms);

/*
 * {running_s, decisions, refused, store_us, without_store}: lists of one number
 * a minute, the oldest first; the last is of the minute that runs, running_s
 * long. store_us: the mean, null where there was no answer.
 */
json_t *history_describe(
    const struct history *, const struct history_totals *now, uint64_t now_ms);

#endif
