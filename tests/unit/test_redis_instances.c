/*
 * test_redis_instances.c - daemons count each other, and what each knows when
 * an outage begins.
 */
#include "tests/unit/store_fixture.h"

#include <stdio.h>

TEST_WITH(fixture_setup, fixture_teardown, instances)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    assert_int_equal(store_state_of(f->one).instances, 1);
    f->two = fixture_open_ready(f);
    assert_int_equal(store_state_of(f->two).instances, 2);
    UNTIL(f, store_state_of(f->one).instances == 2);
    store_close(&f->two);
    UNTIL(f, store_state_of(f->one).instances == 1);
}

TEST_WITH(fixture_setup, fixture_teardown, serving)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    store_serve(f->one, 1u << FACE_ANVIL | 1u << FACE_POLICY);
    f->two = fixture_open_ready(f);
    store_serve(f->two, 1u << FACE_POLICY);
    UNTIL(f, store_state_of(f->one).serving[FACE_POLICY] == 2);
    UNTIL(f, store_state_of(f->two).serving[FACE_POLICY] == 2);
    assert_int_equal(store_state_of(f->two).serving[FACE_ANVIL], 1);
    assert_int_equal(store_state_of(f->one).serving[FACE_MILTER], 1);
    store_serve(f->two, 0); /* it drains, and is still there */
    UNTIL(f, store_state_of(f->one).serving[FACE_POLICY] == 1);
    assert_int_equal(store_state_of(f->one).instances, 2);
}

/* Who is alone on a server that has lost its memory believes what it knew. */
TEST_WITH(fixture_setup, fixture_teardown, serving_after_a_loss)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    UNTIL(f, store_state_of(f->one).instances == 2);
    redis_server_kill(&f->server);
    UNTIL(f, !store_is_available(f->one));
    UNTIL(f, !store_is_available(f->two));
    store_close(&f->two);
    redis_server_run(&f->server);
    UNTIL(f, store_is_available(f->one));
    assert_int_equal(store_state_of(f->one).instances, 2);
    uint64_t since_ms = clock_monotonic_ms();
    UNTIL(f, store_state_of(f->one).instances == 1);
    assert_true(clock_monotonic_ms() - since_ms >= LEASE_TTL_MS / 2);
}

/* Its memory goes on from what Redis has let in here. */
TEST_WITH(fixture_setup, fixture_teardown, outage_begins_warm)
{
    struct fixture *f = *state;
    struct ask ask;
    uint32_t used;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    for (int i = 0; i < 3; i++)
        assert_true(fixture_charge(f, f->one, "c=1", CHARGE_SLIDING, 5, &used));
    assert_true(fixture_charge(f, f->two, "c=1", CHARGE_SLIDING, 5, &used));
    assert_int_equal(used, 4);
    ask_init(&ask, "c=1");
    ask_add(&ask, CHARGE_SLIDING, "n", 5);
    ask.request.peek = true;
    store_charge_local(f->one, &ask.request);
    assert_int_equal(ask.charges[0].used, 3);
    store_charge_local(f->two, &ask.request);
    assert_int_equal(ask.charges[0].used, 1);
}

int main(void)
{
    if (!redis_server_exists()) {
        (void)printf("skipped: there is no redis-server here\n");
        return 77;
    }
    return run_all_tests(NULL, NULL);
}
