/*
 * test_distinct.c - the stated errors of distinct counts, on 100,000 keys: who
 * is below the limit by the margin is never refused, and beyond it few pass.
 * tests/property holds the windows to the same, and Redis to the memory store.
 */
#include "tests/unit/unit.h"

#include "common/core/distinct.h"

#include <math.h>
#include <stdio.h>

#define NOW_MS 1700000000000

static const struct row {
    unsigned keys;
    uint32_t limit;
    unsigned never;  /* so many are never refused */
    double standard; /* error of what is let through, a share of the limit */
    unsigned exact;  /* keys in 10,000 that let exactly the limit through */
} rows[] = {
    {60000, 5, 5, 0.002, 9990},
    {25000, 40, 40, 0.005, 9950},
    {10000, 100, 75, 0.05, 0},
    {4000, 500, 375, 0.06, 0},
    {1000, 1000, 666, 0.10, 0},
};

/* How many different values pass, of twice the limit. */
static unsigned fill(unsigned key, const struct distinct_rule *rule)
{
    struct distinct distinct = {0};
    unsigned passed = 0;
    char text[64];

    for (unsigned n = 0; n < 2 * rule->limit; n++) {
        int len = snprintf(text, sizeof text, "c=198.51.%u/%u", n, key);
        uint32_t hash = distinct_hash(text, (size_t)len);
        distinct_settle(&distinct, rule, NOW_MS);
        if (distinct_retry(&distinct, rule, hash, NOW_MS) != 0)
            continue;
        distinct_add(&distinct, hash);
        passed++;
    }
    return passed;
}

TEST(errors_are_as_stated)
{
    unsigned key = 0;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct distinct_rule rule = {row->limit, 3600000, false};
        double squares = 0, sum = 0;
        unsigned exact = 0;

        for (unsigned n = 0; n < row->keys; n++) {
            unsigned passed = fill(key++, &rule);
            double error = (double)passed / row->limit - 1;
            assert_true(passed >= row->never);
            exact += passed == row->limit;
            sum += error;
            squares += error * error;
        }
        double standard = sqrt(squares / row->keys);
        printf("N %u: %u keys, mean error %.4f, standard error %.4f, exact "
               "%.4f\n",
            row->limit, row->keys, sum / row->keys, standard,
            (double)exact / row->keys);
        assert_true(standard <= row->standard + 0.0005);
        assert_true(exact >= row->keys / 10000.0 * row->exact);
    }
}

TEST(known_values_pass_at_the_limit)
{
    struct distinct_rule rule = {2, 1000, false};
    struct distinct distinct = {0};

    (void)state;
    for (uint32_t hash = 7; hash <= 8; hash++) {
        distinct_settle(&distinct, &rule, NOW_MS);
        assert_int_equal(distinct_retry(&distinct, &rule, hash, NOW_MS), 0);
        distinct_add(&distinct, hash);
    }
    assert_int_equal(distinct_retry(&distinct, &rule, 7, NOW_MS), 0);
    assert_true(distinct_retry(&distinct, &rule, 9, NOW_MS) > 0);
    assert_true(distinct_retry(&distinct, &rule, DISTINCT_NONE, NOW_MS) > 0);
    assert_int_equal(distinct_count(&distinct), 2);
}

/* What was counted stays when a reload makes the window longer or shorter. */
TEST(a_window_can_change)
{
    struct distinct_rule rule = {5, 60000, false};
    struct distinct distinct = {0};

    (void)state;
    distinct_settle(&distinct, &rule, NOW_MS);
    distinct_add(&distinct, 1);
    rule.window_ms = 3600000;
    distinct_settle(&distinct, &rule, NOW_MS + 59000);
    assert_int_equal(distinct_count(&distinct), 1);
    distinct_settle(&distinct, &rule, NOW_MS + 3590000);
    assert_int_equal(distinct_count(&distinct), 1);
    rule.window_ms = 60000;
    distinct_settle(&distinct, &rule, NOW_MS + 3590001);
    assert_int_equal(distinct_count(&distinct), 0);
}

RUN_TESTS(NULL, NULL)
