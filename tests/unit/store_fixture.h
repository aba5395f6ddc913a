/*
 * store_fixture.h - a real server, and stores on it, for the tests of both.
 *
 * Each store that is opened is a daemon of its own: its own identity and
 * leases. What the daemons log is kept, to be looked at.
 */
#ifndef TOLLGATE_TESTS_STORE_FIXTURE_H
#define TOLLGATE_TESTS_STORE_FIXTURE_H

#include "tests/unit/redis_server.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/store/store.h"

#define TIMEOUT_MS   100  /* for tests in which the server gives no answer */
#define PATIENT_MS   2000 /* else: a busy machine is not a slow server */
#define LEASE_TTL_MS 900
#define LATE_MS      100 /* 20 by the contract; a busy machine adds its own */

struct fixture {
    struct event_base *base;
    struct redis_server server;
    struct config config;
    char password[32];
    char log_path[96];
    struct store *one, *two;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Turns the loop until it holds, for a minute at the most. */
#define UNTIL(f, condition) \
    do { \
        uint64_t give_up_ms = clock_monotonic_ms() + 60000; \
        while (!(condition)) { \
            assert_true(clock_monotonic_ms() < give_up_ms); \
            fixture_turn(f); \
        } \
    } while (0)

/* One request, and what became of it. */
struct ask {
    struct store_request request;
    struct charge charges[4];
    struct subject subject;
    unsigned answers;
    enum store_status status;
    uint64_t sent_ms, answered_ms;
    uint64_t delay_ms; /* of the machine, in between */
};

void fixture_turn(struct fixture *f);
void fixture_turn_for(struct fixture *f, uint64_t ms);
bool store_is_available(const struct store *store);
struct store_state store_state_of(const struct store *store);
struct store *fixture_open(struct fixture *f);
struct store *fixture_open_ready(struct fixture *f);
/* How often a text stands in the log. */
unsigned fixture_logged(const struct fixture *f, const char *text);
void ask_init(struct ask *ask, const char *subject);
struct charge *ask_add(
    struct ask *ask, enum charge_kind kind, const char *name, uint32_t limit);
void ask_send(struct store *store, struct ask *ask);
void ask_run(struct fixture *f, struct store *store, struct ask *ask);
/* One unit of one kind; true if it passed. *used_r after it. */
bool fixture_charge(struct fixture *f, struct store *store, const char *subject,
    enum charge_kind kind, uint32_t limit, uint32_t *used_r);
bool fixture_take_lease(struct fixture *f, struct store *store,
    const char *subject, uint32_t limit);
void fixture_release(struct store *store, const char *subject);
/* What the server holds of a lease, for all daemons; by a peek of another
 * one's eyes. */
uint32_t fixture_leased(struct fixture *f, const char *subject);
bool fixture_lease_exists(struct fixture *f, const char *subject);

#endif
