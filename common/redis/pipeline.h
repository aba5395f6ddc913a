/*
 * pipeline.h - the calls that were written and not answered yet, in order.
 *
 * Pure: a ring of fixed size; the clock is an argument. A call that gave up
 * leaves its slot behind, since its reply may still come and must not be
 * taken for the next one's.
 */
#ifndef TOLLGATE_REDIS_PIPELINE_H
#define TOLLGATE_REDIS_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

struct redis_call;

/* What a reply is the answer to. */
enum redis_step {
    REDIS_STEP_CALL,
    REDIS_STEP_AUTH,
    REDIS_STEP_SELECT,
    REDIS_STEP_NAME,
    REDIS_STEP_ROLE,
    REDIS_STEP_SCRIPT,
};

struct redis_inflight {
    enum redis_step step;
    struct redis_call *call; /* NULL: nobody waits, or not any more */
    uint64_t sent_ms;
    uint64_t due_ms; /* the latest moment for call's answer */
};

struct redis_pipeline {
    struct redis_inflight *slots; /* owned */
    size_t capacity, first, count;
};

/* At most `capacity` requests wait for their replies. */
void redis_pipeline_init(struct redis_pipeline *, size_t capacity);
/* Frees the slots; no call is told. */
void redis_pipeline_clear(struct redis_pipeline *);

/* NULL if it is full. The slot stays where it is until it is taken. */
struct redis_inflight *redis_pipeline_push(
    struct redis_pipeline *, enum redis_step, uint64_t now_ms);
/* The oldest goes, and is valid until the next push. NULL if empty. */
struct redis_inflight *redis_pipeline_take(struct redis_pipeline *);
const struct redis_inflight *redis_pipeline_oldest(
    const struct redis_pipeline *);

/* The first slot whose call should have been answered by now, or NULL. */
struct redis_inflight *redis_pipeline_overdue(
    struct redis_pipeline *, uint64_t now_ms);
/* When the next call is due; UINT64_MAX: none waits. */
uint64_t redis_pipeline_next_due(const struct redis_pipeline *);

#endif
