/* counters_memory.c - the memory store on trial. */
#include "tests/property/counters.h"

#include "common/base/alloc.h"
#include "common/store/memory.h"

#include <stdlib.h>

/* Small, so that expiry by the hand is part of every trial. */
#define ENTRIES_MAX 4096

struct counters_memory {
    struct counters counters; /* first */
    struct memory_store *store;
};

static bool memory_charge(struct counters *counters, struct charge *charges,
    size_t count, bool peek, uint64_t clock_us)
{
    struct counters_memory *memory = (struct counters_memory *)counters;

    return memory_store_charge(
        memory->store, charges, count, peek, clock_us / 1000);
}

static void memory_set_clock(struct counters *counters, uint64_t clock_us)
{
}

static size_t memory_state_size(
    struct counters *counters, const struct charge *charge)
{
    return 0;
}

static void memory_free(struct counters *counters)
{
    struct counters_memory *memory = (struct counters_memory *)counters;

    memory_store_free(&memory->store);
    free(memory);
}

struct counters *counters_memory_new(void)
{
    struct counters_memory *memory = xcalloc(1, sizeof *memory);

    memory->counters = (struct counters){.name = "memory",
        .charge = memory_charge,
        .set_clock = memory_set_clock,
        .state_size = memory_state_size,
        .free = memory_free};
    memory->store = memory_store_new(ENTRIES_MAX);
    return &memory->counters;
}
