/*
 * engine_bench.h - an engine on the scripted store, for the tests of both
 * limits and edicts.
 */
#ifndef TOLLGATE_TESTS_ENGINE_BENCH_H
#define TOLLGATE_TESTS_ENGINE_BENCH_H

#include "tests/unit/fake_store.h"
#include "tests/unit/unit.h"

#include "common/engine/engine.h"

struct bench {
    struct engine *engine;
    struct decision decision;
    unsigned verdicts;
};

/* The configuration is text of a tollgate.conf. */
struct config *bench_load(const char *text);
void bench_open(struct bench *, const char *text);
void bench_close(struct bench *);

struct event bench_event(enum face, const char *client);
const struct verdict *bench_decide(struct bench *, struct event);

/* Limits at policy, and an event that meets four of them: first the two of
 * the message, then the two of the recipient. */
extern const char bench_policy_limits[];
struct event bench_first_recipient(void);

#endif
