/*
 * connection_fixture.h - a connection and the fake server at its other end.
 */
#ifndef TOLLGATE_TESTS_CONNECTION_FIXTURE_H
#define TOLLGATE_TESTS_CONNECTION_FIXTURE_H

#include "tests/unit/fake_redis.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/redis/connection.h"

#define TIMEOUT_MS 50

struct fixture {
    struct event_base *base;
    struct fake_redis fake;
    struct resolver *resolver;
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
            link_turn(f); \
        } \
    } while (0)

/* One ECHO, and what became of it. */
struct echo {
    struct redis_call call;
    char text[32], answer[32];
    unsigned answers;
    bool is_lost;
    uint64_t sent_ms, answered_ms;
    uint64_t delay_ms; /* of the machine, in between */
};

void link_start(struct fixture *f, bool is_tcp);
void link_stop(struct fixture *f);
void link_turn(struct fixture *f);
void link_connect(struct fixture *f);
void echo_on_reply(struct redis_call *, const struct redisReply *);
bool echo_send(struct fixture *f, struct echo *echo, const char *text);
void echo_assert(const struct echo *echo);
void link_assert_works(struct fixture *f);

#endif
