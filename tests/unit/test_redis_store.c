/* test_redis_store.c - the store against a real server, in good times. */
#include "tests/unit/store_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST_WITH(fixture_setup, fixture_teardown, sliding_shared)
{
    struct fixture *f = *state;
    uint32_t used;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(fixture_charge(
            f, i % 2 == 0 ? f->one : f->two, "c=1", CHARGE_SLIDING, 3, &used));
        assert_int_equal(used, i);
    }
    struct ask ask;
    ask_init(&ask, "c=1");
    ask_add(&ask, CHARGE_SLIDING, "n", 3);
    ask_run(f, f->one, &ask);
    assert_true(ask.charges[0].refused);
    assert_int_equal(ask.charges[0].used, 3);
    assert_between(ask.charges[0].retry_ms, 59000, 60001);
    assert_true(fixture_charge(f, f->one, "c=2", CHARGE_SLIDING, 3, &used));
}

TEST_WITH(fixture_setup, fixture_teardown, refused_needs_no_round_trip)
{
    struct fixture *f = *state;
    struct ask ask;
    f->one = fixture_open_ready(f);
    for (int i = 0; i < 2; i++) {
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_SLIDING, "n", 1)->window_ms = 1000;
        ask_run(f, f->one, &ask);
    }
    assert_true(ask.charges[0].refused);
    uint64_t free_at_ms = ask.sent_ms + (uint64_t)ask.charges[0].retry_ms;
    const uint64_t spread_ms = ask.answered_ms - ask.sent_ms;
    uint64_t round_trips = store_state_of(f->one).round_trips;
    while (clock_monotonic_ms() + 500 < free_at_ms) {
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_SLIDING, "n", 1)->window_ms = 1000;
        ask_send(f->one, &ask);
        assert_int_equal(ask.answers, 1); /* before it returned */
        assert_true(ask.charges[0].refused);
        assert_int_equal(ask.charges[0].used, 1);
        /* It was reckoned somewhere between the two. */
        assert_true(ask.answered_ms + (uint64_t)ask.charges[0].retry_ms >=
                    free_at_ms - 2);
        assert_true(ask.sent_ms + (uint64_t)ask.charges[0].retry_ms <=
                    free_at_ms + spread_ms + 1);
        fixture_turn(f);
    }
    assert_int_equal(store_state_of(f->one).round_trips, round_trips);
    UNTIL(f, clock_monotonic_ms() > free_at_ms + spread_ms + 1);
    ask_init(&ask, "c=1");
    ask_add(&ask, CHARGE_SLIDING, "n", 1)->window_ms = 1000;
    ask_run(f, f->one, &ask);
    assert_false(ask.charges[0].refused);
}

TEST_WITH(fixture_setup, fixture_teardown, all_or_nothing)
{
    struct fixture *f = *state;
    uint32_t used;
    f->one = fixture_open_ready(f);
    for (int i = 0; i < 2; i++) {
        struct ask ask;
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_SLIDING, "n", 10);
        ask_add(&ask, CHARGE_FIXED, "f", 0)->field = 3;
        ask_add(&ask, CHARGE_LEASE, "l", 1);
        ask_run(f, f->one, &ask);
        assert_int_equal(ask.charges[0].used, 1);
        assert_int_equal(ask.charges[1].used, i + 1);
        assert_int_equal(ask.charges[2].used, 1);
        assert_int_equal(ask.charges[2].refused, i == 1);
    }
    assert_true(fixture_charge(f, f->one, "c=1", CHARGE_SLIDING, 10, &used));
    assert_int_equal(used, 2); /* the refused request did not count */
    assert_int_equal(store_state_of(f->one).leases, 1);
}

TEST_WITH(fixture_setup, fixture_teardown, peek)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    for (int i = 0; i < 3; i++) {
        struct ask ask;
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_SLIDING, "n", 1);
        ask_add(&ask, CHARGE_LEASE, "l", 1);
        ask.request.peek = true;
        ask_run(f, f->one, &ask);
        assert_int_equal(ask.status, STORE_OK);
        assert_int_equal(ask.charges[0].used, 0);
        assert_false(ask.charges[0].refused);
        assert_int_equal(ask.charges[1].used, 0);
        assert_false(ask.charges[1].refused);
    }
    assert_int_equal(store_state_of(f->one).leases, 0);
}

/* As ask_send, without a word to the server. */
static void look(struct store *store, struct ask *ask)
{
    ask_init(ask, "c=1");
    ask_add(ask, CHARGE_SLIDING, "s", 1);
    ask_add(ask, CHARGE_LEASE, "n", 1);
    store_look(store, &ask->request);
    assert_int_equal(ask->answers, 1);
    assert_int_equal(ask->status, STORE_OK);
}

TEST_WITH(fixture_setup, fixture_teardown, look)
{
    struct fixture *f = *state;
    struct ask ask;
    f->one = fixture_open_ready(f);
    uint64_t round_trips = store_state_of(f->one).round_trips;
    look(f->one, &ask);
    assert_false(ask.charges[0].refused || ask.charges[1].refused);
    assert_int_equal(store_state_of(f->one).round_trips, round_trips);
    ask_init(&ask, "c=1");
    ask_add(&ask, CHARGE_SLIDING, "s", 1);
    ask_run(f, f->one, &ask);
    uint64_t refused_ms;
    do { /* again where the machine was away for longer than it is trusted */
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_SLIDING, "s", 1);
        ask_run(f, f->one, &ask);
        assert_true(ask.charges[0].refused);
        refused_ms = ask.sent_ms;
        round_trips = store_state_of(f->one).round_trips;
        look(f->one, &ask);
    } while (clock_monotonic_ms() - refused_ms > 500);
    assert_true(ask.charges[0].refused);
    assert_true(ask.charges[0].retry_ms > 0);
    assert_int_equal(store_state_of(f->one).round_trips, round_trips);
    assert_int_equal(store_state_of(f->one).leases, 0);
}

TEST_WITH(fixture_setup, fixture_teardown, look_at_memory)
{
    static char memory[] = "memory:";
    struct fixture *f = *state;
    struct ask ask;
    f->config.store = memory;
    f->one = fixture_open(f);
    for (int i = 0; i < 3; i++) {
        look(f->one, &ask);
        assert_false(ask.charges[0].refused || ask.charges[1].refused);
    }
    assert_true(fixture_take_lease(f, f->one, "c=1", 1));
    look(f->one, &ask);
    assert_false(ask.charges[0].refused);
    assert_true(ask.charges[1].refused);
    assert_int_equal(store_state_of(f->one).leases, 1);
}

TEST_WITH(fixture_setup, fixture_teardown, leases_shared)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_true(fixture_take_lease(f, f->one, "c=1", 3));
    assert_true(fixture_take_lease(f, f->two, "c=1", 3));
    assert_true(fixture_take_lease(f, f->one, "c=1", 3));
    assert_false(fixture_take_lease(f, f->one, "c=1", 3));
    assert_false(fixture_take_lease(f, f->two, "c=1", 3));
    fixture_release(f->two, "c=1");
    UNTIL(f, fixture_leased(f, "c=1") == 2);
    assert_true(fixture_take_lease(f, f->one, "c=1", 3));
    fixture_turn_for(f, LEASE_TTL_MS + 300); /* renewed */
    assert_int_equal(fixture_leased(f, "c=1"), 3);
    for (int i = 0; i < 3; i++)
        fixture_release(f->one, "c=1");
    fixture_release(f->one, "c=1"); /* one too often */
    UNTIL(f, !fixture_lease_exists(f, "c=1"));
    assert_int_equal(store_state_of(f->one).leases, 0);
}

TEST_WITH(fixture_setup, fixture_teardown, close_gives_back)
{
    struct fixture *f = *state;
    char subject[32];
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    for (int i = 0; i < 3000; i++) {
        struct ask ask;
        (void)snprintf(subject, sizeof subject, "c=%d", i);
        ask_init(&ask, subject);
        ask_add(&ask, CHARGE_LEASE, "n", 5);
        store_charge_local(f->one, &ask.request);
        assert_int_equal(ask.answers, 1);
    }
    UNTIL(f, redis_server_number(&f->server, "DBSIZE") == 3001);
    assert_true(fixture_take_lease(f, f->two, "c=7", 5));
    uint64_t since_ms = clock_monotonic_ms();
    store_close(&f->one);
    assert_true(clock_monotonic_ms() - since_ms <= PATIENT_MS + LATE_MS);
    assert_int_equal(redis_server_number(&f->server, "DBSIZE"), 2);
    assert_int_equal(fixture_leased(f, "c=7"), 1);
}

TEST_WITH(fixture_setup, fixture_teardown, notes)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_true(store_is_shared(f->one));
    store_note_write(f->one, "1a.2", "1 17");
    UNTIL(f, redis_server_number(&f->server, "EXISTS t:{n|1a.2}") == 1);
    assert_between(
        redis_server_number(&f->server, "PTTL t:{n|1a.2}"), 3590000, 3600000);
    struct store_recall recall = {.on_done = NULL};
    store_note_read(f->two, "1a.2", &recall);
    store_recall_cancel(f->two, &recall);
    fixture_turn_for(f, 20); /* nobody is called */
}

struct recall {
    struct store_recall recall;
    unsigned answers;
    enum store_status status;
};

static void on_recall(
    struct store_recall *store_recall, enum store_status status)
{
    struct recall *recall = store_recall->context;
    recall->answers++;
    recall->status = status;
}

TEST_WITH(fixture_setup, fixture_teardown, note_values)
{
    static const struct {
        const char *key, *value;
        enum store_status status;
    } notes[] = {
        {"1a.2", "1 17", STORE_OK},
        {"none", "", STORE_OK},
        {"long", "", STORE_OK},
        {"list", "", STORE_UNAVAILABLE},
    };
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    store_note_write(f->one, "1a.2", "1 17");
    redis_server_do(
        &f->server, "SET t:{n|long} %s", "12345678901234567890123456789012");
    redis_server_do(&f->server, "RPUSH t:{n|list} 1");
    for (size_t i = 0; i < COUNT(notes); i++) {
        struct recall recall = {.recall = {.value = "old"}};
        recall.recall.on_done = on_recall;
        recall.recall.context = &recall;
        store_note_read(f->one, notes[i].key, &recall.recall);
        UNTIL(f, recall.answers == 1);
        assert_int_equal(recall.status, notes[i].status);
        assert_string_equal(recall.recall.value, notes[i].value);
    }
}

TEST_WITH(fixture_setup, fixture_teardown, cancel)
{
    struct fixture *f = *state;
    struct ask *gone = calloc(1, sizeof *gone);
    assert_non_null(gone);
    f->one = fixture_open_ready(f);
    ask_init(gone, "c=1");
    ask_add(gone, CHARGE_SLIDING, "s", 9);
    ask_add(gone, CHARGE_LEASE, "n", 9);
    ask_send(f->one, gone);
    store_cancel(f->one, &gone->request);
    assert_int_equal(gone->answers, 0);
    free(gone); /* ASan tells if it is touched again */
    uint64_t round_trips = store_state_of(f->one).round_trips;
    UNTIL(f, store_state_of(f->one).round_trips > round_trips);
    UNTIL(f, !fixture_lease_exists(f, "c=1"));
    assert_int_equal(store_state_of(f->one).leases, 0);
    /* It had been admitted: the sliding unit was charged. */
    assert_int_equal(redis_server_number(&f->server, "EXISTS t:{c=1}ss"), 1);
}

/* Charges one after the other, each as soon as the last is answered. */
struct chain {
    struct ask ask; /* its times are in us */
    struct store *store;
    uint64_t slowest_us;
    bool is_ended;
};

static void chain_send(struct chain *chain)
{
    chain->ask.sent_ms = clock_monotonic_us();
    store_charge(chain->store, &chain->ask.request);
}

static void chain_on_done(
    struct store_request *request, enum store_status status)
{
    struct chain *chain = request->context;
    uint64_t waited_us = clock_monotonic_us() - chain->ask.sent_ms;
    assert_int_equal(status, STORE_OK);
    if (waited_us > chain->slowest_us)
        chain->slowest_us = waited_us;
    if (!chain->is_ended)
        chain_send(chain);
}

/*
 * Thousands of leases are written without standing in anybody's way: charges
 * come between the calls that write them. Renewed, none is ever missing.
 */
TEST_WITH(fixture_setup, fixture_teardown, many_leases)
{
    enum { LEASES = 10000 };
    struct fixture *f = *state;
    f->config.lease_ttl_ms = 4000;
    f->one = fixture_open_ready(f);
    for (int i = 0; i < LEASES; i++) {
        struct ask ask;
        char subject[32];
        (void)snprintf(subject, sizeof subject, "c=%d", i);
        ask_init(&ask, subject);
        ask_add(&ask, CHARGE_LEASE, "n", 5);
        store_charge_local(f->one, &ask.request);
    }
    struct chain chain = {.store = f->one};
    ask_init(&chain.ask, "c=x");
    ask_add(&chain.ask, CHARGE_FIXED, "n", 0);
    chain.ask.request.on_done = chain_on_done;
    chain.ask.request.context = &chain;
    uint64_t since_us = clock_monotonic_us();
    chain_send(&chain);
    UNTIL(f, redis_server_number(&f->server, "DBSIZE") >= LEASES);
    assert_true(chain.slowest_us * 2 < clock_monotonic_us() - since_us);
    chain.is_ended = true;
    fixture_turn_for(f, 4500);
    assert_int_equal(redis_server_number(&f->server, "DBSIZE"), LEASES + 2);
    assert_int_equal(store_state_of(f->one).leases, LEASES);
}

TEST_WITH(fixture_setup, fixture_teardown, bad_configuration)
{
    static char url[] = "redis://bob@127.0.0.1", bad_prefix[] = "a{b";
    struct fixture *f = *state;
    struct error err;
    f->config.store = url;
    assert_null(store_open(f->base, NULL, &f->config, &err));
    assert_non_null(strstr(err.text, "store_password"));
    f->config.store = f->server.url;
    f->config.store_prefix = bad_prefix;
    assert_null(store_open(f->base, NULL, &f->config, &err));
    assert_non_null(strstr(err.text, "store_prefix"));
}

TEST_WITH(fixture_setup, fixture_teardown, memory)
{
    static char memory[] = "memory:";
    struct fixture *f = *state;
    struct ask ask;
    f->config.store = memory;
    f->one = fixture_open(f);
    assert_false(store_is_shared(f->one));
    for (int i = 0; i < 4; i++) {
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_LEASE, "n", 2);
        ask_add(&ask, CHARGE_SLIDING, "s", 3);
        ask_send(f->one, &ask);
        assert_int_equal(ask.answers, 1);
        assert_int_equal(ask.charges[0].refused, i >= 2);
        assert_int_equal(ask.charges[0].used, i < 2 ? i + 1 : 2);
        assert_int_equal(ask.charges[1].used, i < 2 ? i + 1 : 2);
    }
    struct store_state state_now = store_state_of(f->one);
    assert_true(state_now.is_available);
    assert_string_equal(state_now.description, "memory:");
    assert_int_equal(state_now.leases, 2);
    assert_int_equal(state_now.instances, 1);
    fixture_release(f->one, "c=1");
    assert_int_equal(store_state_of(f->one).leases, 1);
    store_cancel(f->one, &ask.request);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (!redis_server_exists()) {
        (void)printf("skipped: there is no redis-server here\n");
        return 77;
    }
    return run_all_tests(NULL, NULL);
}
