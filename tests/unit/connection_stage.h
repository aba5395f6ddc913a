/*
 * connection_stage.h - a connection and the server that it is tried against.
 */
#ifndef TOLLGATE_TESTS_CONNECTION_STAGE_H
#define TOLLGATE_TESTS_CONNECTION_STAGE_H

#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/redis/connection.h"
#include "tests/unit/fake_redis.h"

#include <hiredis/hiredis.h>

#define TIMEOUT_MS 50

struct connection_stage {
    struct event_base *base;
    struct fake_redis fake;
    struct redis_settings settings;
    struct redis_connection *connection;
    unsigned ready, lost;
    char reason[256];
};

/* Turns the loop until it holds, for 8 s at the most. */
#define UNTIL(f, condition) \
    do { \
        uint64_t until_ms = clock_monotonic_ms() + 8000; \
        while (!(condition)) { \
            assert_true(clock_monotonic_ms() < until_ms); \
            connection_stage_turn(f); \
        } \
    } while (0)

/* One ECHO, and what became of it. */
struct echo {
    struct redis_call call;
    char text[32], answer[32];
    unsigned answers;
    bool is_lost;
    uint64_t sent_ms, answered_ms;
};

void connection_stage_start(struct connection_stage *f, bool is_tcp);
void connection_stage_stop(struct connection_stage *f);
void connection_stage_turn(struct connection_stage *f);
void connection_stage_connect(struct connection_stage *f);
void on_echo(struct redis_call *call, const redisReply *reply);
bool send_echo(struct connection_stage *f, struct echo *echo, const char *text);
void assert_echoed(const struct echo *echo);
void assert_works(struct connection_stage *f);

#endif
