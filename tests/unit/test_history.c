/*
 * test_history.c - the last hour holds one number a minute, and no more.
 */
#include "tests/unit/unit.h"

#include "common/control/history.h"
#include "common/engine/metrics.h"

static json_int_t number(const json_t *lists, const char *name, size_t index)
{
    const json_t *list = json_object_get(lists, name);

    assert_true(json_is_array(list));
    return json_integer_value(json_array_get(list, index));
}

TEST(the_minute_that_runs)
{
    struct history history = {.count = 0};
    struct history_totals totals = {.decisions = 100, .refused = 7};

    history_look(&history, &totals, 1000);
    totals = (struct history_totals){.decisions = 130,
        .refused = 9,
        .trips = 4,
        .trip_us = 1000,
        .without_store = 2};
    json_t *lists = history_describe(&history, &totals, 31000);
    assert_int_equal(
        json_integer_value(json_object_get(lists, "running_s")), 30);
    assert_int_equal(json_array_size(json_object_get(lists, "decisions")), 1);
    assert_int_equal(number(lists, "decisions", 0), 30);
    assert_int_equal(number(lists, "refused", 0), 2);
    assert_int_equal(number(lists, "store_us", 0), 250);
    assert_int_equal(number(lists, "without_store", 0), 2);
    json_decref(lists);
}

TEST(an_hour_and_no_more)
{
    struct history history = {.count = 0};
    struct history_totals totals = {.decisions = 0};

    for (uint64_t minute = 0; minute < 3 * HISTORY_MINUTES; minute++) {
        history_look(&history, &totals, minute * HISTORY_MINUTE_MS);
        totals.decisions += minute;
        json_t *lists =
            history_describe(&history, &totals, minute * HISTORY_MINUTE_MS + 1);
        size_t count = minute < HISTORY_MINUTES ? minute + 1 : HISTORY_MINUTES;
        assert_int_equal(
            json_array_size(json_object_get(lists, "decisions")), count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(
                number(lists, "decisions", i), minute + 1 - count + i);
        assert_true(json_is_null(
            json_array_get(json_object_get(lists, "store_us"), 0)));
        json_decref(lists);
    }
}

TEST(totals_are_those_of_metrics)
{
    struct metrics metrics = {.store_unavailable = 3};

    metrics.decisions[FACE_ANVIL][VERDICT_PASS][REASON_NONE] = 10;
    metrics.decisions[FACE_POLICY][VERDICT_REFUSE][REASON_LIMIT] = 4;
    metrics.decisions[FACE_MILTER][VERDICT_DEFER][REASON_STORE] = 2;
    metrics_round_trip(&metrics, 40);
    metrics_round_trip(&metrics, 9000000);
    struct history_totals totals = history_totals_of(&metrics);
    assert_int_equal(totals.decisions, 16);
    assert_int_equal(totals.refused, 6);
    assert_int_equal(totals.trips, 2);
    assert_int_equal(totals.trip_us, 9000040);
    assert_int_equal(totals.without_store, 3);
}

RUN_TESTS(NULL, NULL)
