/*
 * test_redis_tell.c - of two daemons on a real server one tells for both, and
 * nothing that is counted is lost.
 */
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>

#define EVERY_MS 3600000

struct teller {
    struct store_tell tell;
    unsigned answers;
    enum store_status status;
};

static void on_done(struct store_tell *tell, enum store_status status)
{
    struct teller *teller = tell->context;

    teller->answers++;
    teller->status = status;
}

static void tell(struct fixture *f, struct store *store, struct teller *teller,
    uint32_t count, uint64_t every_ms)
{
    *teller = (struct teller){.tell = {.count = count,
                                  .every_ms = every_ms,
                                  .on_done = on_done,
                                  .context = teller}};
    store_tell(store, "tell:bob", &teller->tell);
    UNTIL(f, teller->answers == 1);
}

TEST_WITH(fixture_setup, fixture_teardown, one_tells_for_all)
{
    struct fixture *f = *state;
    struct teller teller;

    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    tell(f, f->one, &teller, 2, EVERY_MS);
    assert_int_equal(teller.status, STORE_OK);
    assert_int_equal(teller.tell.told, 2);
    assert_int_equal(teller.tell.wait_ms, EVERY_MS);
    assert_false(teller.tell.is_left);
    tell(f, f->two, &teller, 3, EVERY_MS);
    assert_int_equal(teller.tell.told, 0);
    assert_true(teller.tell.is_left);
    assert_between(teller.tell.wait_ms, EVERY_MS - 60000, EVERY_MS);
    tell(f, f->one, &teller, 4, EVERY_MS);
    assert_int_equal(teller.tell.told, 0);
    assert_true(teller.tell.is_left);
}

/* The period is over: who comes first tells of both, the second of nothing. */
TEST_WITH(fixture_setup, fixture_teardown, what_came_in_between)
{
    struct fixture *f = *state;
    struct teller teller;

    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    tell(f, f->one, &teller, 1, 300);
    tell(f, f->two, &teller, 3, 300);
    do
        tell(f, f->one, &teller, 1, 300);
    while (teller.tell.told == 0);
    assert_true(teller.tell.told > 4);
    tell(f, f->two, &teller, 0, 300);
    assert_int_equal(teller.tell.told, 0);
    assert_false(teller.tell.is_left);
    /* Nothing to tell is nothing told: the next one is told at once. */
    do
        tell(f, f->two, &teller, 0, 300);
    while (teller.tell.wait_ms > 0);
    tell(f, f->two, &teller, 1, 300);
    assert_int_equal(teller.tell.told, 1);
}

TEST_WITH(fixture_setup, fixture_teardown, the_store_is_away)
{
    struct fixture *f = *state;
    struct teller teller;

    f->one = fixture_open_ready(f);
    redis_server_kill(&f->server);
    UNTIL(f, !store_is_available(f->one));
    tell(f, f->one, &teller, 1, EVERY_MS);
    assert_int_equal(teller.status, STORE_UNAVAILABLE);
}

TEST_WITH(fixture_setup, fixture_teardown, who_goes_away_hears_nothing)
{
    struct fixture *f = *state;
    struct teller teller = {.tell = {.count = 1,
                                .every_ms = EVERY_MS,
                                .on_done = on_done,
                                .context = &teller}};

    f->one = fixture_open_ready(f);
    store_tell(f->one, "tell:bob", &teller.tell);
    store_tell_cancel(f->one, &teller.tell);
    fixture_turn_for(f, 100);
    assert_int_equal(teller.answers, 0);
}

RUN_TESTS(NULL, NULL)
