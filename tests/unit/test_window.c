/* test_window.c - the two windows, case by case; tests/property has the bulk.
 */
#include "tests/unit/unit.h"

#include "common/core/window.h"

#include "common/core/charge.h"

#include <stdlib.h>
#include <string.h>

static struct window *window_new(void)
{
    struct window *window = calloc(1, window_size(WINDOW_SLOTS_MAX));

    assert_non_null(window);
    window->room = WINDOW_SLOTS_MAX;
    return window;
}

/* 0: admitted; else what window_retry says. */
static int64_t charge(struct window *window, uint32_t limit, uint64_t window_ms,
    uint32_t amount, uint64_t now_ms)
{
    struct window_rule rule = {.limit = limit, .window_ms = window_ms};
    int64_t retry_ms;

    window_settle(window, window_ms, now_ms);
    retry_ms = window_retry(window, &rule, amount, now_ms);
    if (retry_ms == 0)
        window_add(window, &rule, amount, now_ms);
    return retry_ms;
}

TEST(sliding_in_order)
{
    /* One window, N = 20, W = 1600 ms (sub-windows of 100 ms), in order. */
    static const struct {
        uint64_t now_ms;
        uint32_t amount;
        int64_t retry_ms;
        uint32_t total, slots;
    } steps[] = {
        {1000, 21, CHARGE_NEVER, 0, 0},
        {1000, 5, 0, 5, 1},
        {1099, 5, 0, 10, 1},    /* same part: dated 1099 now */
        {1100, 10, 0, 20, 2},   /* next part */
        {1100, 1, 1600, 20, 2}, /* as the first slot leaves: 2700 */
        {1100, 11, 1601, 20, 2},
        {2699, 1, 1, 20, 2}, /* 2699 - 1099 = W: still inside */
        {2700, 11, 1, 10, 1},
        {2700, 10, 0, 20, 2},
        {2701, 10, 0, 20, 1},
    };
    struct window *window = window_new();

    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_int_equal(
            charge(window, 20, 1600, steps[i].amount, steps[i].now_ms),
            steps[i].retry_ms);
        assert_int_equal(window->total, steps[i].total);
        assert_int_equal(window->count, steps[i].slots);
    }
    free(window);
}

TEST(small_limits_are_exact)
{
    struct window *window = window_new();

    for (uint64_t i = 0; i < 16; i++)
        assert_int_equal(charge(window, 16, 60000, 1, 1000 + i), 0);
    assert_int_equal(window->count, 16);
    /* Each unit leaves by itself, W + 1 ms after it came. */
    assert_int_equal(charge(window, 16, 60000, 1, 1016), 59985);
    for (uint64_t i = 0; i < 16; i++) {
        assert_int_equal(charge(window, 16, 60000, 1, 61000 + i), 1);
        assert_int_equal(charge(window, 16, 60000, 1, 61001 + i), 0);
    }
    free(window);
}

TEST(parts_of_odd_windows)
{
    /* W = 1000 ms: parts of 62.5 ms begin at 1000, 1062.5, 1125. */
    struct window *window = window_new();

    charge(window, 100, 1000, 1, 1000);
    charge(window, 100, 1000, 1, 1062);
    assert_int_equal(window->count, 1);
    charge(window, 100, 1000, 1, 1063);
    assert_int_equal(window->count, 2);
    charge(window, 100, 1000, 1, 1124);
    assert_int_equal(window->count, 2);
    charge(window, 100, 1000, 1, 1125);
    assert_int_equal(window->count, 3);
    free(window);
}

TEST(never_more_slots_than_there_are)
{
    struct window *window = window_new();

    for (uint64_t now_ms = 1000; now_ms < 1100; now_ms++)
        assert_int_equal(charge(window, 1000, 100, 1, now_ms), 0);
    assert_true(window->count <= WINDOW_SLOTS_MAX);
    /* Another rule, with parts of 1 ms: the last slot takes the rest. */
    for (uint64_t now_ms = 1100; now_ms < 1150; now_ms++)
        charge(window, 16, 1000000, 1, now_ms);
    assert_int_equal(charge(window, 200, 16, 1, 1150), 0);
    for (uint64_t now_ms = 1151; now_ms < 1167; now_ms++)
        assert_int_equal(charge(window, 200, 1000000, 1, now_ms), 0);
    for (uint64_t now_ms = 2000; now_ms < 1000000; now_ms += 20000)
        assert_int_equal(charge(window, 200, 1000000, 1, now_ms), 0);
    assert_true(window->count <= WINDOW_SLOTS_MAX);
    free(window);
}

TEST(clock_steps_back)
{
    struct window *window = window_new();

    charge(window, 2, 60000, 1, 10000000);
    charge(window, 2, 60000, 1, 10000010);
    assert_int_equal(charge(window, 2, 60000, 1, 5000), 60001);
    assert_int_equal(window->count, 1);
    assert_int_equal(charge(window, 2, 60000, 1, 65000), 1);
    assert_int_equal(charge(window, 2, 60000, 1, 65001), 0);
    free(window);
}

TEST(needs_room)
{
    struct window_rule rule = {.limit = 100, .window_ms = 16000};
    struct window *window = window_new();

    window->room = 1;
    assert_false(window_needs_room(window, &rule, 1000));
    window_add(window, &rule, 1, 1000);
    assert_false(window_needs_room(window, &rule, 1999));
    assert_true(window_needs_room(window, &rule, 2000));
    assert_int_equal(window_last_ms(window, 16000), 17000);
    free(window);
}

TEST(fixed)
{
    /* W = 60 s, begun in second 100: ends with second 160. */
    static const struct {
        uint64_t now_ms;
        unsigned field;
        uint32_t amount, count;
    } steps[] = {
        {100999, 0, 1, 1},
        {101000, 1, 5, 5}, /* of the same start */
        {160999, 0, 1, 2}, /* 100 + 60 < 160 is false */
        {161000, 1, 1, 1},
        {161001, 0, 1, 1},
        {221999, 1, 1, 2},
        {222000, 0, UINT32_MAX, UINT32_MAX},
        {222000, 0, 1, UINT32_MAX},
    };
    struct fixed_window fixed = {0};

    for (size_t i = 0; i < COUNT(steps); i++) {
        fixed_window_add(
            &fixed, steps[i].field, steps[i].amount, 60000, steps[i].now_ms);
        assert_int_equal(
            fixed_window_count(&fixed, steps[i].field, steps[i].now_ms),
            steps[i].count);
    }
    assert_int_equal(fixed_window_count(&fixed, 0, 282999), UINT32_MAX);
    assert_int_equal(fixed_window_count(&fixed, 0, 283000), 0);
}

TEST(fixed_after_a_step_back)
{
    struct fixed_window fixed = {0};

    fixed_window_add(&fixed, 0, 7, 60000, 1000000);
    fixed_window_add(&fixed, 0, 1, 60000, 400000);
    assert_int_equal(fixed_window_count(&fixed, 0, 460999), 8);
    assert_int_equal(fixed_window_count(&fixed, 0, 461000), 0);
}

RUN_TESTS(NULL, NULL)
