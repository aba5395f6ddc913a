/*
 * test_onlookers.c - what is noted when a decision is over: the lists of the
 * heaviest, and the ring of those who look on.
 */
#include "tests/unit/engine_bench.h"

#include "common/engine/decision_ring.h"
#include "common/engine/tops.h"

#include <stdlib.h>
#include <string.h>

static struct decision decision_of(
    const struct config *config, const char *client, const char *user)
{
    struct decision decision = {.event = bench_event(FACE_POLICY, client),
        .config = (struct config *)(uintptr_t)config,
        .service_title = "smtp"};

    decision.event.sasl_username = user;
    decision.event.amount[EVENT_MESSAGE] = 1;
    return decision;
}

/* Who is in no row has come 0 times. */
static const struct top_row nobody;

static const struct top_row *row_of(
    const struct top_lists *lists, const char *key)
{
    const struct top_list *list = &lists->of[FACE_POLICY][EVENT_MESSAGE];

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->rows[i].key, key) == 0)
            return &list->rows[i];
    return &nobody;
}

static void read_tops(
    struct tops *tops, struct top_lists *lists, uint64_t now_ms)
{
    top_lists_clear(lists);
    tops_read(tops, lists, now_ms);
    top_list_settle(&lists->of[FACE_POLICY][EVENT_MESSAGE], 100);
}

TEST(tops)
{
    struct config *config = bench_load("");
    static struct top_lists lists;
    struct tops *tops = tops_new();
    struct decision bob = decision_of(config, "2001:db8::7", "bob");
    struct decision eve = decision_of(config, "198.51.100.7", "");
    char text[STORE_BOARD_MAX];

    tops_note(tops, &bob, 1000);
    bob.verdict.kind = VERDICT_REFUSE;
    bob.verdict.reason = REASON_LIMIT;
    tops_note(tops, &bob, 2000);
    tops_note(tops, &eve, 2000);
    read_tops(tops, &lists, 3000);
    assert_int_equal(row_of(&lists, "2001:db8::/64")->most, 2);
    assert_int_equal(row_of(&lists, "sasl:bob")->least, 2);
    assert_int_equal(row_of(&lists, "sasl:bob")->refused, 1);
    assert_int_equal(row_of(&lists, "198.51.100.7")->most, 1);
    assert_int_equal(lists.of[FACE_POLICY][EVENT_MESSAGE].span_ms, 2000);

    /* What nobody did, or nobody proved that he did. */
    bob.event.is_dry = true;
    tops_note(tops, &bob, 3000);
    bob.event.is_dry = false;
    bob.event.peek = true;
    tops_note(tops, &bob, 3000);
    bob.event.peek = false;
    bob.verdict.reason = REASON_UNTRUSTED;
    tops_note(tops, &bob, 3000);
    read_tops(tops, &lists, 3000);
    assert_int_equal(row_of(&lists, "sasl:bob")->most, 2);

    /* Two minutes: the last one and this. */
    tops_note(tops, &eve, 61500);
    read_tops(tops, &lists, 61600);
    assert_int_equal(row_of(&lists, "198.51.100.7")->most, 2);
    assert_int_equal(lists.of[FACE_POLICY][EVENT_MESSAGE].span_ms, 60600);
    read_tops(tops, &lists, 122000);
    assert_int_equal(row_of(&lists, "198.51.100.7")->most, 1);
    assert_int_equal(row_of(&lists, "sasl:bob")->most, 0);
    assert_true(tops_write(tops, text, sizeof text, 122000) > 0);
    read_tops(tops, &lists, 400000);
    assert_int_equal(row_of(&lists, "198.51.100.7")->most, 0);
    assert_int_equal(tops_write(tops, text, sizeof text, 400000), 0);
    top_lists_clear(&lists);
    tops_free(&tops);
    config_unref(&config);
}

/* Decisions are dated with the last tick, which is up to some ms ago. */
TEST(a_clock_that_is_a_tick_behind)
{
    struct config *config = bench_load("");
    static struct top_lists lists;
    struct tops *tops = tops_new();
    struct decision bob = decision_of(config, "198.51.100.7", "bob");

    tops_note(tops, &bob, 1000);
    read_tops(tops, &lists, 61001);
    tops_note(tops, &bob, 60998);
    read_tops(tops, &lists, 61002);
    assert_int_equal(row_of(&lists, "sasl:bob")->most, 2);
    top_lists_clear(&lists);
    tops_free(&tops);
    config_unref(&config);
}

TEST(ring)
{
    struct config *config = bench_load("");
    struct decision_ring *ring = decision_ring_new();
    struct decision bob = decision_of(config, "198.51.100.7", "bob");
    struct ring_reader all, refused;
    const struct ring_record *record;
    uint64_t missed;

    decision_ring_note(ring, &bob); /* nobody looks on */
    decision_ring_join(ring, &refused, true);
    decision_ring_note(ring, &bob); /* of no interest */
    assert_null(decision_ring_take(&refused, &missed));
    decision_ring_join(ring, &all, false);
    decision_ring_note(ring, &bob);
    bob.would_refuse = true;
    decision_ring_note(ring, &bob);
    bob.event.silent = true;
    decision_ring_note(ring, &bob);
    bob.event.silent = false;
    record = decision_ring_take(&all, &missed);
    assert_string_equal(record->client, "198.51.100.7");
    assert_string_equal(record->sasl, "bob");
    assert_false(record->would_refuse);
    assert_true(decision_ring_take(&all, &missed)->would_refuse);
    assert_null(decision_ring_take(&all, &missed));
    assert_true(decision_ring_take(&refused, &missed)->would_refuse);
    assert_null(decision_ring_take(&refused, &missed));
    decision_ring_leave(&all);
    decision_ring_leave(&all);
    decision_ring_leave(&refused);
    decision_ring_free(&ring);
    assert_null(ring);
    config_unref(&config);
}

TEST(a_slow_reader_is_told_what_he_missed)
{
    struct config *config = bench_load("");
    struct decision_ring *ring = decision_ring_new();
    struct decision bob = decision_of(config, "198.51.100.7", "bob");
    struct ring_reader reader;
    uint64_t missed, told = 0, lost = 0;

    decision_ring_join(ring, &reader, false);
    for (unsigned i = 0; i < 3 * RING_RECORDS + 5; i++) {
        bob.verdict.used = i;
        decision_ring_note(ring, &bob);
    }
    const struct ring_record *record = decision_ring_take(&reader, &missed);
    assert_int_equal(record->used, 2 * RING_RECORDS + 5);
    for (; record != NULL; record = decision_ring_take(&reader, &missed)) {
        told++;
        lost += missed;
    }
    assert_int_equal(told, RING_RECORDS);
    assert_int_equal(told + lost, 3 * RING_RECORDS + 5);
    decision_ring_leave(&reader);
    decision_ring_free(&ring);
    config_unref(&config);
}

RUN_TESTS(NULL, NULL)
