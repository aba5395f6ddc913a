/*
 * test_redis_outage.c - the store when its server is stopped, killed, emptied,
 * replaced, full, busy or locked; and when another daemon is killed.
 */
#include "tests/unit/store_fixture.h"

#include "common/store/redis_store_internal.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_in_time(const struct ask *ask)
{
    assert_true(ask->answered_ms - ask->sent_ms <=
                TIMEOUT_MS + LATE_MS + ask->delay_ms);
}

TEST_WITH(fixture_setup, fixture_teardown, script_flush)
{
    struct fixture *f = *state;
    uint32_t used;
    f->one = fixture_open_ready(f);
    assert_true(fixture_take_lease(f, f->one, "c=1", 9));
    for (uint32_t i = 1; i <= 3; i++) {
        redis_server_do(&f->server, "SCRIPT FLUSH");
        struct ask asks[20];
        for (size_t n = 0; n < COUNT(asks); n++) {
            ask_init(&asks[n], "c=1");
            ask_add(&asks[n], CHARGE_SLIDING, "n", 1000);
            ask_send(f->one, &asks[n]);
        }
        for (size_t n = 0; n < COUNT(asks); n++) {
            UNTIL(f, asks[n].answers > 0);
            assert_int_equal(asks[n].status, STORE_OK);
        }
    }
    assert_true(fixture_charge(f, f->one, "c=1", CHARGE_SLIDING, 1000, &used));
    assert_int_equal(used, 61); /* each exactly once */
    redis_server_do(&f->server, "SCRIPT FLUSH");
    fixture_release(f->one, "c=1");
    UNTIL(f, !fixture_lease_exists(f, "c=1"));
    assert_true(store_is_available(f->one));
}

TEST_WITH(fixture_setup, fixture_teardown, flushall)
{
    struct fixture *f = *state;
    char subject[32];
    f->one = fixture_open_ready(f);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(subject, sizeof subject, "c=%d", i);
        assert_true(fixture_take_lease(f, f->one, subject, 5));
    }
    redis_server_do(&f->server, "FLUSHALL");
    uint64_t since_ms = clock_monotonic_ms();
    UNTIL(f, redis_server_number(&f->server, "DBSIZE") == 301);
    assert_true(clock_monotonic_ms() - since_ms < LEASE_TTL_MS);
    assert_int_equal(fixture_leased(f, "c=299"), 1);
}

/* Everything that a stopped server leaves unanswered is answered in time,
 * what comes later at once; then all is as it should be. */
TEST_WITH(fixture_setup, fixture_teardown, stopped_server)
{
    struct fixture *f = *state;
    struct ask asks[300];
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    assert_true(fixture_take_lease(f, f->one, "c=before", 9));
    (void)kill(f->server.pid, SIGSTOP);
    for (size_t i = 0; i < COUNT(asks); i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "c=%zu", i % 10);
        ask_init(&asks[i], subject);
        ask_add(&asks[i], CHARGE_LEASE, "n", 1000);
        ask_add(&asks[i], CHARGE_SLIDING, "s", 1000);
        ask_send(f->one, &asks[i]);
        if (i % 10 == 0)
            fixture_turn(f);
    }
    for (size_t i = 0; i < COUNT(asks); i++) {
        UNTIL(f, asks[i].answers > 0);
        assert_int_equal(asks[i].status, STORE_UNAVAILABLE);
        assert_in_time(&asks[i]);
    }
    assert_false(store_is_available(f->one));
    uint64_t until_ms = clock_monotonic_ms() + 700;
    while (clock_monotonic_ms() < until_ms) {
        struct ask ask;
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_LEASE, "n", 9);
        ask_send(f->one, &ask);
        assert_int_equal(ask.answers, 1); /* before it returned */
        assert_int_equal(ask.status, STORE_UNAVAILABLE);
        fixture_turn(f);
    }
    fixture_release(f->one, "c=before");
    struct ask local;
    ask_init(&local, "c=local");
    ask_add(&local, CHARGE_LEASE, "n", 9);
    store_charge_local(f->one, &local.request);
    assert_int_equal(fixture_logged(f, "is unavailable: no answer"), 1);

    (void)kill(f->server.pid, SIGCONT);
    UNTIL(f, store_is_available(f->one));
    UNTIL(f, !fixture_lease_exists(f, "c=before"));
    UNTIL(f, fixture_lease_exists(f, "c=local"));
    for (size_t i = 0; i < 10; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "c=%zu", i);
        UNTIL(f, !fixture_lease_exists(f, subject));
    }
    assert_int_equal(store_state_of(f->one).leases, 1);
    assert_int_equal(store_state_of(f->one).reconnects, 0);
    assert_int_equal(fixture_logged(f, "is available"), 2);
}

/* One more than may wait is told so at once, and nobody else suffers. */
TEST_WITH(fixture_setup, fixture_teardown, too_many_wait)
{
    static struct ask asks[REDIS_PENDING_MAX + 1];
    struct ask *last = &asks[REDIS_PENDING_MAX];
    struct fixture *f = *state;
    f->config.store_timeout_ms = 5000;
    f->one = fixture_open_ready(f);
    (void)kill(f->server.pid, SIGSTOP);
    for (size_t i = 0; i < COUNT(asks); i++) {
        ask_init(&asks[i], "c=1");
        ask_add(&asks[i], CHARGE_SLIDING, "n", 2 * REDIS_PENDING_MAX);
        assert_int_equal(last->answers, 0);
        ask_send(f->one, &asks[i]);
    }
    assert_int_equal(last->answers, 1);
    assert_int_equal(last->status, STORE_UNAVAILABLE);
    assert_true(store_is_available(f->one));
    (void)kill(f->server.pid, SIGCONT);
    for (size_t i = 0; i < REDIS_PENDING_MAX; i++) {
        UNTIL(f, asks[i].answers > 0);
        assert_int_equal(asks[i].status, STORE_OK);
        assert_int_equal(asks[i].charges[0].used, i + 1);
    }
    assert_true(store_is_available(f->one));
}

TEST_WITH(fixture_setup, fixture_teardown, killed_server)
{
    struct fixture *f = *state;
    struct ask asks[50];
    f->config.lease_ttl_ms = 9000; /* no renewal comes in between */
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    assert_true(fixture_take_lease(f, f->one, "c=held", 9));
    for (size_t i = 0; i < COUNT(asks); i++) {
        ask_init(&asks[i], "c=1");
        ask_add(&asks[i], CHARGE_SLIDING, "n", 9);
        ask_send(f->one, &asks[i]);
    }
    redis_server_kill(&f->server);
    for (size_t i = 0; i < COUNT(asks); i++) {
        UNTIL(f, asks[i].answers > 0);
        assert_in_time(&asks[i]);
    }
    UNTIL(f, !store_is_available(f->one));
    fixture_turn_for(f, 300);
    redis_server_run(&f->server);
    UNTIL(f, store_is_available(f->one));
    uint64_t since_ms = clock_monotonic_ms();
    UNTIL(f, fixture_lease_exists(f, "c=held"));
    assert_true(clock_monotonic_ms() - since_ms < 500);
    assert_int_equal(fixture_leased(f, "c=held"), 1);
    assert_int_equal(store_state_of(f->one).reconnects, 1);
}

TEST_WITH(fixture_setup, fixture_teardown, wrong_password)
{
    struct fixture *f = *state;
    struct ask ask;
    redis_server_do(&f->server, "CONFIG SET requirepass right-s3cret");
    (void)snprintf(f->password, sizeof f->password, "wrong-s3cret");
    f->one = fixture_open(f);
    UNTIL(f, fixture_logged(f, "AUTH refused: WRONGPASS") == 1);
    ask_init(&ask, "c=1");
    ask_add(&ask, CHARGE_SLIDING, "n", 9);
    ask_send(f->one, &ask);
    assert_int_equal(ask.answers, 1);
    assert_int_equal(ask.status, STORE_UNAVAILABLE);
    fixture_turn_for(f, 400);
    assert_int_equal(fixture_logged(f, "WRONGPASS"), 1);
    redis_server_do(&f->server, "CONFIG SET requirepass wrong-s3cret");
    UNTIL(f, store_is_available(f->one));
    /* Taken away while connected: a new greeting does not help. */
    redis_server_do(&f->server, "ACL SETUSER default -evalsha");
    UNTIL(f, !store_is_available(f->one));
    redis_server_do(&f->server, "ACL SETUSER default +evalsha");
    UNTIL(f, store_is_available(f->one));
    assert_int_equal(fixture_logged(f, "s3cret"), 0);
}

/* On a busy machine the server itself may be too late for once. */
static bool is_charged(struct fixture *f, const char *subject)
{
    struct ask ask;
    ask_init(&ask, subject);
    ask_add(&ask, CHARGE_SLIDING, "n", 1000);
    ask_run(f, f->one, &ask);
    return ask.status == STORE_OK;
}

/* Errors that are about the server: unavailable until they are over. */
static void assert_trouble(
    struct fixture *f, const char *begin, const char *code, const char *end)
{
    struct ask ask;
    redis_server_do(&f->server, begin);
    do {
        ask_init(&ask, "c=1");
        ask_add(&ask, CHARGE_SLIDING, "n", 1000);
        ask_run(f, f->one, &ask);
        assert_in_time(&ask);
    } while (ask.status == STORE_OK);
    assert_false(store_is_available(f->one));
    assert_int_equal(fixture_logged(f, code), 1);
    fixture_turn_for(f, 300);
    assert_false(store_is_available(f->one));
    assert_int_equal(fixture_logged(f, code), 1);
    redis_server_do(&f->server, end);
    UNTIL(f, store_is_available(f->one) && is_charged(f, "c=2"));
}

TEST_WITH(fixture_setup, fixture_teardown, server_in_trouble)
{
    struct fixture *f = *state;
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    assert_true(fixture_take_lease(f, f->one, "c=held", 9));
    assert_trouble(
        f, "CONFIG SET maxmemory 1", "OOM", "CONFIG SET maxmemory 0");
    assert_trouble(f, "REPLICAOF 127.0.0.1 1", "READONLY", "REPLICAOF NO ONE");
    UNTIL(f, fixture_lease_exists(f, "c=held"));
}

TEST_WITH(fixture_setup, fixture_teardown, busy_server)
{
    struct fixture *f = *state;
    struct ask ask;
    f->one = fixture_open_ready(f);
    redis_server_do(&f->server, "CONFIG SET busy-reply-threshold 10");
    const char *loop = "while true do end";
    redisContext *other = redisConnectUnix(f->server.path);
    assert_non_null(other);
    assert_int_equal(redisAppendCommand(other, "EVAL %s 0", loop), REDIS_OK);
    int done = 0;
    while (done == 0)
        assert_int_equal(redisBufferWrite(other, &done), REDIS_OK);
    UNTIL(f, !store_is_available(f->one));
    ask_init(&ask, "c=1");
    ask_add(&ask, CHARGE_SLIDING, "n", 9);
    ask_send(f->one, &ask);
    assert_int_equal(ask.answers, 1);
    fixture_turn_for(f, 200);
    redis_server_do(&f->server, "SCRIPT KILL");
    UNTIL(f, store_is_available(f->one));
    redisFree(other);
}

/* Values that are not ours harm only those who need them. */
TEST_WITH(fixture_setup, fixture_teardown, foreign_values)
{
    struct fixture *f = *state;
    struct ask ask;
    char subject[32];
    f->one = fixture_open_ready(f);
    redis_server_do(&f->server, "RPUSH t:{c=1}sn x");
    redis_server_do(&f->server, "SET t:{c=2}fn x");
    redis_server_do(&f->server, "SET t:{c=3}ln broken");
    static const enum charge_kind kinds[] = {
        CHARGE_SLIDING, CHARGE_FIXED, CHARGE_LEASE};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(subject, sizeof subject, "c=%d", i + 1);
        ask_init(&ask, subject);
        ask_add(&ask, kinds[i], "n", 9);
        ask_run(f, f->one, &ask);
        assert_int_equal(ask.status, STORE_UNAVAILABLE);
        assert_true(store_is_available(f->one));
    }
    assert_int_equal(fixture_logged(f, "WRONGTYPE"), 1);
    assert_true(fixture_charge(f, f->one, "c=4", CHARGE_SLIDING, 9, NULL));

    /* A broken lease does not keep its neighbours from being renewed. */
    for (int i = 10; i < 30; i++) {
        (void)snprintf(subject, sizeof subject, "c=%d", i);
        assert_true(fixture_take_lease(f, f->one, subject, 5));
    }
    redis_server_do(&f->server, "SET t:{c=15}ln broken");
    fixture_turn_for(f, 2 * LEASE_TTL_MS);
    for (int i = 10; i < 30; i++) {
        (void)snprintf(subject, sizeof subject, "c=%d", i);
        assert_true(fixture_lease_exists(f, subject));
    }
    assert_true(store_is_available(f->one));
    redis_server_do(&f->server, "DEL t:{c=15}ln t:{c=3}ln");
    UNTIL(f, fixture_lease_exists(f, "c=15"));
}

/* In a child: holds two, until it is killed. */
static void live_as_daemon(struct fixture *f)
{
    (void)event_reinit(f->base);
    struct store *store = fixture_open_ready(f);
    for (int i = 0; i < 2; i++)
        (void)fixture_take_lease(f, store, "c=1", 3);
    fixture_turn_for(f, 60000);
    _exit(1);
}

/* A daemon that is killed: its leases are gone lease_ttl after their last
 * renewal. */
TEST_WITH(fixture_setup, fixture_teardown, killed_daemon)
{
    struct fixture *f = *state;
    pid_t daemon = fork();
    assert_int_not_equal(daemon, -1);
    if (daemon == 0)
        live_as_daemon(f);
    f->one = fixture_open_ready(f);
    UNTIL(f, fixture_lease_exists(f, "c=1") && fixture_leased(f, "c=1") == 2);
    assert_true(fixture_take_lease(f, f->one, "c=1", 3));
    assert_false(fixture_take_lease(f, f->one, "c=1", 3));
    fixture_turn_for(f, LEASE_TTL_MS); /* it lives, and renews */
    assert_int_equal(fixture_leased(f, "c=1"), 3);
    (void)kill(daemon, SIGKILL);
    uint64_t since_ms = clock_monotonic_ms();
    (void)waitpid(daemon, NULL, 0);
    while (!fixture_take_lease(f, f->one, "c=1", 3))
        fixture_turn(f);
    uint64_t freed_ms = clock_monotonic_ms() - since_ms;
    assert_between(freed_ms, LEASE_TTL_MS / 2, LEASE_TTL_MS + 1000);
    assert_int_equal(fixture_leased(f, "c=1"), 2);
}

/* on_done may ask again at once, in good times and when all are settled. */
struct chain {
    struct ask ask;
    struct store *store;
    unsigned left;
};

static void on_chain(struct store_request *request, enum store_status status)
{
    struct chain *chain = request->context;
    if (chain->left-- > 1)
        store_charge(chain->store, request);
}

TEST_WITH(fixture_setup, fixture_teardown, ask_in_answer)
{
    struct fixture *f = *state;
    struct chain chains[20];
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    for (int stopped = 0; stopped < 2; stopped++) {
        if (stopped)
            (void)kill(f->server.pid, SIGSTOP);
        for (size_t i = 0; i < COUNT(chains); i++) {
            ask_init(&chains[i].ask, "c=1");
            ask_add(&chains[i].ask, CHARGE_SLIDING, "n", 100000);
            ask_add(&chains[i].ask, CHARGE_LEASE, "l", 0);
            chains[i].ask.request.on_done = on_chain;
            chains[i].ask.request.context = &chains[i];
            chains[i].store = f->one;
            chains[i].left = 100;
            store_charge(f->one, &chains[i].ask.request);
        }
        for (size_t i = 0; i < COUNT(chains); i++)
            UNTIL(f, chains[i].left == 0);
    }
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
