/*
 * counters.h - what is on trial: the memory store, or the script in a Redis,
 * both under a clock that the test sets.
 */
#ifndef TOLLGATE_TESTS_COUNTERS_H
#define TOLLGATE_TESTS_COUNTERS_H

#include "common/core/charge.h"

#include <stddef.h>

struct counters {
    const char *name;
    /* True if the request passes. clock_us: what the counters' clock reads. */
    bool (*charge)(struct counters *, struct charge *, size_t count, bool peek,
        uint64_t clock_us);
    void (*set_clock)(struct counters *, uint64_t clock_us);
    /* Bytes of a sliding limit's state; 0: unknown. */
    size_t (*state_size)(struct counters *, const struct charge *);
    void (*free)(struct counters *);
    struct script *script; /* Redis: for what charge cannot say; else NULL */
};

struct counters *counters_memory_new(void);
/*
 * clock_page: the file that clock_shim.c reads, and the Redis is emptied;
 * NULL: the real clock.
 * Ends the process with a message if there is no Redis.
 */
struct counters *counters_redis_new(
    const char *socket_path, const char *script_path, const char *clock_page);

#endif
