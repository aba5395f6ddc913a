/* test_breaker.c - the three states, with a clock of our own. */
#include "tests/unit/unit.h"

#include "common/store/breaker.h"

static struct breaker closed_breaker(void)
{
    struct breaker breaker;
    breaker_init(&breaker);
    breaker_on_connected(&breaker, 0);
    assert_true(breaker_take_probe(&breaker, 0));
    assert_true(breaker_on_success(&breaker, 0));
    return breaker;
}

TEST(begins_open)
{
    struct breaker breaker;
    breaker_init(&breaker);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_false(breaker_take_probe(&breaker, 1000000));
    assert_true(breaker_wait_ms(&breaker, 1000000) == UINT64_MAX);
    assert_false(breaker_on_lost(&breaker, 0)); /* nothing changed: no log */
}

TEST(first_probe_at_once)
{
    struct breaker breaker;
    breaker_init(&breaker);
    breaker_on_connected(&breaker, 500);
    assert_int_equal(breaker_wait_ms(&breaker, 500), 0);
    assert_true(breaker_take_probe(&breaker, 500));
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    assert_false(breaker_take_probe(&breaker, 9999)); /* one at a time */
    assert_true(breaker_on_success(&breaker, 0));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_false(breaker_on_success(&breaker, 0)); /* changed once only */
}

TEST(opens_once)
{
    struct breaker breaker = closed_breaker();
    assert_true(breaker_on_failure(&breaker, 1000));
    assert_int_equal(breaker.state, BREAKER_OPEN);
    /* Stragglers neither change nor prolong anything. */
    assert_false(breaker_on_failure(&breaker, 1001));
    assert_int_equal(breaker_wait_ms(&breaker, 1000), BREAKER_PAUSE_MIN_MS);
    assert_false(breaker_on_success(&breaker, 0));
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

TEST(pauses_grow_and_shrink)
{
    struct breaker breaker = closed_breaker();
    uint64_t now_ms = 1000, pause_ms = BREAKER_PAUSE_MIN_MS;
    assert_true(breaker_on_failure(&breaker, now_ms));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(breaker_wait_ms(&breaker, now_ms), pause_ms);
        assert_false(breaker_take_probe(&breaker, now_ms + pause_ms - 1));
        now_ms += pause_ms;
        assert_true(breaker_take_probe(&breaker, now_ms));
        assert_false(breaker_on_failure(&breaker, now_ms));
        pause_ms *= 2;
        if (pause_ms > BREAKER_PAUSE_MAX_MS)
            pause_ms = BREAKER_PAUSE_MAX_MS;
    }
    assert_true(breaker_take_probe(&breaker, now_ms + BREAKER_PAUSE_MAX_MS));
    /* Back, but not for long: no calm, no shorter pause. */
    assert_true(breaker_on_success(&breaker, 90000));
    now_ms = 90000 + BREAKER_CALM_MS - 1;
    assert_true(breaker_on_failure(&breaker, now_ms));
    assert_int_equal(breaker_wait_ms(&breaker, now_ms), BREAKER_PAUSE_MAX_MS);
    assert_true(breaker_take_probe(&breaker, now_ms + BREAKER_PAUSE_MAX_MS));
    assert_true(breaker_on_success(&breaker, 100000));
    now_ms = 100000 + BREAKER_CALM_MS;
    assert_true(breaker_on_failure(&breaker, now_ms));
    assert_int_equal(breaker_wait_ms(&breaker, now_ms), BREAKER_PAUSE_MIN_MS);
}

/* A connection that comes and goes is not probed at each coming. */
TEST(comes_and_goes)
{
    struct breaker breaker = closed_breaker();
    uint64_t now_ms = 10, pause_ms = BREAKER_PAUSE_MIN_MS;
    for (int i = 0; i < 10; i++) {
        assert_true(breaker_on_lost(&breaker, now_ms));
        breaker_on_connected(&breaker, now_ms + 1);
        assert_int_equal(breaker_wait_ms(&breaker, now_ms + 1), pause_ms - 1);
        now_ms += pause_ms;
        assert_true(breaker_take_probe(&breaker, now_ms));
        assert_true(breaker_on_success(&breaker, now_ms));
        pause_ms *= 2;
        if (pause_ms > BREAKER_PAUSE_MAX_MS)
            pause_ms = BREAKER_PAUSE_MAX_MS;
    }
    now_ms += BREAKER_CALM_MS;
    assert_true(breaker_on_lost(&breaker, now_ms));
    breaker_on_connected(&breaker, now_ms);
    assert_true(breaker_take_probe(&breaker, now_ms));
    /* Lost while half-open: that is a probe that failed. */
    assert_false(breaker_on_lost(&breaker, now_ms));
    breaker_on_connected(&breaker, now_ms);
    assert_int_equal(breaker_wait_ms(&breaker, now_ms), BREAKER_PAUSE_MIN_MS);
}

TEST(lost_and_found)
{
    struct breaker breaker = closed_breaker();
    uint64_t now_ms = BREAKER_CALM_MS;
    assert_true(breaker_on_lost(&breaker, now_ms));
    assert_false(breaker_on_lost(&breaker, now_ms));
    assert_true(breaker_wait_ms(&breaker, 99999) == UINT64_MAX);
    breaker_on_connected(&breaker, now_ms + 5);
    assert_true(breaker_take_probe(&breaker, now_ms + 5));
    assert_false(breaker_on_lost(&breaker, now_ms)); /* was not closed */
    assert_false(breaker_on_success(&breaker, 0));
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

RUN_TESTS(NULL, NULL)
