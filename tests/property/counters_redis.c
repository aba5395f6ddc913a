/* counters_redis.c - the script in a Redis on trial, under a clock page. */
#include "tests/property/counters.h"

#include "common/base/alloc.h"
#include "tests/property/script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct counters_redis {
    struct counters counters;    /* first */
    volatile uint64_t *clock_us; /* clock_shim.c's page, or NULL */
};

static const char letters[] = {[CHARGE_SLIDING] = 's',
    [CHARGE_FIXED] = 'f',
    [CHARGE_DISTINCT] = 'd',
    [CHARGE_DISTINCT_FIXED] = 'e'};

/* A sliding and a fixed limit are values of different types in Redis. */
static void key_of(const struct charge *charge, char *key, size_t size)
{
    (void)snprintf(key, size, "t:{%s}%c%s", charge->subject->text,
        letters[charge->kind], charge->name);
}

/* The fourth argument. */
static uint64_t last_of(const struct charge *charge)
{
    uint64_t window_ms = charge->window_ms;

    switch (charge->kind) {
    case CHARGE_FIXED:
        return charge->field;
    case CHARGE_DISTINCT:
        return (window_ms + 13) / 14 * 15 + 1000;
    case CHARGE_DISTINCT_FIXED:
        return window_ms + 1000;
    default:
        return window_ms + window_ms / 16 + 1001;
    }
}

static void to_limit(const struct charge *charge, struct script_limit *limit)
{
    uint64_t window_ms = charge->window_ms;
    bool is_fixed = charge->kind == CHARGE_FIXED;

    memset(limit, 0, sizeof *limit);
    key_of(charge, limit->key, sizeof limit->key);
    limit->kind = letters[charge->kind];
    if (charge->shadow)
        limit->kind = (char)(limit->kind - 'a' + 'A');
    limit->limit = charge->limit;
    limit->span = is_fixed ? (window_ms + 999) / 1000 : window_ms;
    limit->amount =
        charge_kind_is_distinct(charge->kind) ? charge->value : charge->amount;
    limit->last_len = (size_t)snprintf(limit->last, sizeof limit->last, "%llu",
        (unsigned long long)last_of(charge));
}

static void redis_set_clock(struct counters *counters, uint64_t clock_us)
{
    struct counters_redis *redis = (struct counters_redis *)counters;

    if (redis->clock_us != NULL)
        *redis->clock_us = clock_us;
}

static bool redis_charge(struct counters *counters, struct charge *charges,
    size_t count, bool peek, uint64_t clock_us)
{
    struct script_limit limits[SCRIPT_LIMITS_MAX];
    bool passes = true;

    redis_set_clock(counters, clock_us);
    for (size_t i = 0; i < count; i++)
        to_limit(&charges[i], &limits[i]);
    script_call(counters->script, peek ? 'p' : 'c', limits, count);
    for (size_t i = 0; i < count; i++) {
        charges[i].used = (uint32_t)limits[i].used;
        charges[i].retry_ms = limits[i].retry;
        charges[i].refused = limits[i].retry != 0;
        passes = passes && (!charges[i].refused || charges[i].shadow);
    }
    return passes;
}

static size_t redis_state_size(
    struct counters *counters, const struct charge *charge)
{
    char key[160];

    key_of(charge, key, sizeof key);
    return script_strlen(counters->script, key);
}

static void redis_free(struct counters *counters)
{
    struct counters_redis *redis = (struct counters_redis *)counters;

    script_free(&counters->script);
    if (redis->clock_us != NULL)
        munmap((void *)(uintptr_t)redis->clock_us, sizeof *redis->clock_us);
    free(redis);
}

static volatile uint64_t *map_page(const char *path)
{
    int fd = open(path, O_RDWR);
    void *page = MAP_FAILED;

    if (fd != -1) {
        page = mmap(
            NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (page == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    return page;
}

struct counters *counters_redis_new(
    const char *socket_path, const char *script_path, const char *clock_page)
{
    struct counters_redis *redis = xcalloc(1, sizeof *redis);

    redis->counters = (struct counters){.name = "redis",
        .charge = redis_charge,
        .set_clock = redis_set_clock,
        .state_size = redis_state_size,
        .free = redis_free,
        .script = script_new(socket_path, script_path)};
    if (clock_page != NULL) {
        redis->clock_us = map_page(clock_page);
        script_flush(redis->counters.script);
    }
    return &redis->counters;
}
