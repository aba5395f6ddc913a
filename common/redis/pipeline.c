/*
 * pipeline.c - a ring of slots.
 *
 * Looking for what is due walks the whole ring: deadlines differ (a call that
 * is made again has less time left), it happens only when the timer fires,
 * and the ring has about a thousand slots at the most.
 */
#include "common/redis/pipeline.h"

#include "common/base/alloc.h"

#include <stdlib.h>

void redis_pipeline_init(struct redis_pipeline *pipeline, size_t capacity)
{
    *pipeline = (struct redis_pipeline){
        .slots = xcalloc(capacity, sizeof(struct redis_inflight)),
        .capacity = capacity,
    };
}

void redis_pipeline_clear(struct redis_pipeline *pipeline)
{
    free(pipeline->slots);
    *pipeline = (struct redis_pipeline){0};
}

static struct redis_inflight *slot_at(
    const struct redis_pipeline *pipeline, size_t position)
{
    size_t index = pipeline->first + position;
    if (index >= pipeline->capacity)
        index -= pipeline->capacity;
    return &pipeline->slots[index];
}

struct redis_inflight *redis_pipeline_push(
    struct redis_pipeline *pipeline, enum redis_step step, uint64_t now_ms)
{
    if (pipeline->count == pipeline->capacity)
        return NULL;
    struct redis_inflight *slot = slot_at(pipeline, pipeline->count++);
    *slot = (struct redis_inflight){.step = step, .sent_ms = now_ms};
    return slot;
}

struct redis_inflight *redis_pipeline_take(struct redis_pipeline *pipeline)
{
    if (pipeline->count == 0)
        return NULL;
    struct redis_inflight *slot = slot_at(pipeline, 0);
    if (++pipeline->first == pipeline->capacity)
        pipeline->first = 0;
    pipeline->count--;
    return slot;
}

const struct redis_inflight *redis_pipeline_oldest(
    const struct redis_pipeline *pipeline)
{
    return pipeline->count == 0 ? NULL : slot_at(pipeline, 0);
}

struct redis_inflight *redis_pipeline_overdue(
    struct redis_pipeline *pipeline, uint64_t now_ms)
{
    for (size_t i = 0; i < pipeline->count; i++) {
        struct redis_inflight *slot = slot_at(pipeline, i);
        if (slot->call != NULL && slot->due_ms <= now_ms)
            return slot;
    }
    return NULL;
}

uint64_t redis_pipeline_next_due(const struct redis_pipeline *pipeline)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < pipeline->count; i++) {
        const struct redis_inflight *slot = slot_at(pipeline, i);
        if (slot->call != NULL && slot->due_ms < due_ms)
            due_ms = slot->due_ms;
    }
    return due_ms;
}
