/*
 * test_engine.c - decisions, with a store that the test scripts.
 */
#include "tests/unit/engine_bench.h"

#include "common/base/alloc.h"

#include <stdlib.h>

#include <string.h>

TEST(all_limits_of_an_event_are_one_request)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    bench_decide(&bench, bench_first_recipient());
    assert_int_equal(fake_store.charges_asked, 1);
    assert_int_equal(fake_store.asked_count, 4);
    assert_string_equal(
        fake_store.asked[0].subject->text, "s=smtp|c=198.51.100.7");
    assert_string_equal(fake_store.asked[0].name, "m");
    assert_true(fake_store.asked[1].shadow);
    assert_string_equal(fake_store.asked[2].name, "p");
    assert_string_equal(fake_store.asked[3].subject->text, "u=bob");
    bench_close(&bench);
}

TEST(longest_refusal_is_told)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    fake_store.refuses[0] = fake_store.refuses[3] = true;
    fake_store.retry_ms[0] = 1000;
    fake_store.retry_ms[3] = 1800000;
    const struct verdict *verdict =
        bench_decide(&bench, bench_first_recipient());
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    assert_string_equal(verdict->limit->name, "user");
    assert_int_equal(verdict->retry_ms, 1800000);
    bench_close(&bench);
}

TEST(shadow_refuses_nothing)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    fake_store.refuses[1] = true;
    const struct verdict *verdict =
        bench_decide(&bench, bench_first_recipient());
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_int_equal(
        engine_metrics(bench.engine)->shadow_refusals[FACE_POLICY], 1);
    bench_close(&bench);
}

TEST(max_per_message_needs_no_store)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_event(FACE_POLICY, "198.51.100.7");
    event.amount[EVENT_RECIPIENT] = 1;
    event.message_recipients = 4;
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    assert_string_equal(verdict->limit->name, "cap");
    assert_int_equal(fake_store.charges_asked, 0);
    event.message_recipients = 3;
    bench_decide(&bench, event);
    assert_int_equal(verdict->kind, VERDICT_PASS);
    bench_close(&bench);
}

TEST(store_away_defer_wins)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    fake_store.status = STORE_UNAVAILABLE;
    const struct verdict *verdict =
        bench_decide(&bench, bench_first_recipient());
    assert_int_equal(verdict->kind, VERDICT_DEFER);
    assert_int_equal(fake_store.local_asked, 0);
    bench_close(&bench);
}

/* "watch" says accept: only the client's limit is left, halved. */
TEST(store_away_local_share)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_event(FACE_POLICY, "198.51.100.7");
    event.amount[EVENT_MESSAGE] = 1;
    fake_store.status = STORE_UNAVAILABLE;
    fake_store.serving = 2;
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(fake_store.local_asked, 1);
    assert_int_equal(fake_store.asked_count, 1);
    assert_int_equal(fake_store.asked[0].limit, 2);
    assert_int_equal(verdict->kind, VERDICT_PASS);
    bench_close(&bench);
}

/* Nobody here knows main.cf's limit: it is the count that is for all. */
TEST(store_away_reports_for_all)
{
    static const uint32_t cases[][2] = {{1, 1}, {7, 21}, {~0u, INT32_MAX}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench bench;
        bench_open(&bench, "");
        struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
        event.amount[EVENT_MESSAGE] = 1;
        fake_store.status = STORE_UNAVAILABLE;
        fake_store.serving = 3;
        fake_store.used[0] = cases[i][0];
        const struct verdict *verdict = bench_decide(&bench, event);
        assert_int_equal(verdict->count[EVENT_MESSAGE], cases[i][1]);
        bench_close(&bench);
    }
}

static const char two_limits[] =
    "client_limits_at = \"anvil\"\n"
    "client_connection_count_limit = 4\n"
    "limit \"net\" { at = \"anvil\" event = \"connection_count\"\n"
    "  key = { \"client_address\" } count = 8 %s }\n";

/* A connection, while the store knows nothing of one of the two limits. */
static const struct verdict *connect_partly(
    struct bench *bench, const char *options, size_t unknown, bool is_full)
{
    char text[512];
    (void)snprintf(text, sizeof text, two_limits, options);
    bench_open(bench, text);
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_CONNECTION_COUNT] = 1;
    fake_store.status = STORE_PARTLY;
    fake_store.unknown[unknown] = true;
    fake_store.is_full_here = is_full;
    fake_store.used[0] = 3;
    fake_store.serving = 2;
    return bench_decide(bench, event);
}

/* What a part of the store has answered stands; the rest is decided here. */
TEST(store_partly_away)
{
    struct bench bench;
    struct engine_lease lease = {0};

    const struct verdict *verdict = connect_partly(&bench, "", 0, false);
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_int_equal(fake_store.local_asked, 1);
    assert_int_equal(fake_store.asked_count, 1);
    assert_string_equal(
        fake_store.asked[0].subject->text, "s=smtp|c=198.51.100.7");
    assert_int_equal(fake_store.asked[0].limit, 2);
    engine_lease_take(&bench.decision, &lease);
    assert_int_equal(lease.count, 2);
    assert_string_equal(fake_store.released, "");
    bench_close(&bench);
}

/* All or nothing: the place that the other part has given goes back. */
TEST(store_partly_away_and_refused_here)
{
    struct bench bench;

    const struct verdict *verdict = connect_partly(&bench, "", 0, true);
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    assert_string_equal(fake_store.released, "a=198.51.100.7/c:net ");
    bench_close(&bench);
}

TEST(store_partly_away_defer)
{
    struct bench bench;

    const struct verdict *verdict =
        connect_partly(&bench, "on_store_failure = \"defer\"", 1, false);
    assert_int_equal(verdict->kind, VERDICT_DEFER);
    assert_int_equal(fake_store.local_asked, 0);
    assert_string_equal(fake_store.released, "s=smtp|c=198.51.100.7/c ");
    bench_close(&bench);
}

/* There is nothing to ask here, and the number is the other part's. */
TEST(store_partly_away_accept)
{
    struct bench bench;

    const struct verdict *verdict =
        connect_partly(&bench, "on_store_failure = \"accept\"", 1, false);
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_int_equal(verdict->count[EVENT_CONNECTION_COUNT], 3);
    assert_int_equal(fake_store.local_asked, 0);
    bench_close(&bench);
}

TEST(anvil_reports_without_limits)
{
    struct bench bench;

    bench_open(&bench, "");
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_CONNECTION] = 1;
    event.amount[EVENT_CONNECTION_COUNT] = 1;
    fake_store.used[0] = 7;
    fake_store.used[1] = 3;
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(fake_store.asked_count, 2);
    assert_int_equal(fake_store.asked[0].kind, CHARGE_FIXED);
    assert_int_equal(fake_store.asked[0].limit, 0);
    assert_int_equal(fake_store.asked[1].kind, CHARGE_LEASE);
    assert_int_equal(verdict->count[EVENT_CONNECTION], 7);
    assert_int_equal(verdict->count[EVENT_CONNECTION_COUNT], 3);
    bench_close(&bench);
}

/* Two faces are told of the same session: it must not count twice. */
TEST(reports_share_no_counter_with_another_face)
{
    static const char *const feeders[] = {"policy", "milter"};

    for (size_t i = 0; i < COUNT(feeders); i++) {
        char *text = xprintf("client_limits_at = \"%s\"\n"
                             "client_message_rate_limit = 5\n"
                             "rate_window = \"fixed\"\n",
            feeders[i]);
        struct bench bench;
        bench_open(&bench, text);
        struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
        event.amount[EVENT_MESSAGE] = 1;
        bench_decide(&bench, event);
        assert_int_equal(fake_store.asked_count, 1);
        const char *report = fake_store.asked[0].name;
        event.face = i == 0 ? FACE_POLICY : FACE_MILTER;
        bench_decide(&bench, event);
        assert_string_equal(fake_store.asked[0].name, "f");
        assert_string_not_equal(fake_store.asked[0].name, report);
        bench_close(&bench);
        free(text);
    }
}

/* A limit of another length must not be taken for Postfix's own counter. */
TEST(anvil_count_is_postfixs_own)
{
    struct bench bench;

    bench_open(&bench, "limit \"day\" { at = \"anvil\" event = \"message\"\n"
                       "  key = { \"client\" } rate = \"500/1d\" }\n");
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_MESSAGE] = 1;
    fake_store.used[0] = 400;
    fake_store.used[1] = 2;
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(fake_store.asked_count, 2);
    assert_int_equal(verdict->count[EVENT_MESSAGE], 2);
    bench_close(&bench);
}

TEST(lease_is_given_back_as_taken)
{
    struct bench bench;
    struct engine_lease lease = {0};

    bench_open(&bench, "");
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_CONNECTION_COUNT] = 1;
    bench_decide(&bench, event);
    engine_lease_take(&bench.decision, &lease);
    assert_int_equal(lease.count, 1);
    engine_lease_release(bench.engine, &lease);
    assert_string_equal(fake_store.released, "s=smtp|c=198.51.100.7/c ");
    assert_int_equal(lease.count, 0);
    bench_close(&bench);
}

TEST(cancelled_decision_is_silent)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    fake_store.answers_later = true;
    bench_decide(&bench, bench_first_recipient());
    assert_int_equal(bench.verdicts, 0);
    decision_clear(&bench.decision);
    assert_int_equal(fake_store.cancelled, 1);
    assert_int_equal(bench.verdicts, 0);
    bench_close(&bench);
}

/* A decision under way ends with the snapshot that it began with. */
TEST(reload_during_a_decision)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    fake_store.answers_later = true;
    fake_store.refuses[0] = true;
    const struct verdict *verdict =
        bench_decide(&bench, bench_first_recipient());
    struct config *empty = bench_load("");
    engine_reload(bench.engine, empty);
    config_unref(&empty);
    fake_store_answer();
    assert_int_equal(bench.verdicts, 1);
    assert_string_equal(verdict->limit->name, "client_message_rate_limit");
    bench_close(&bench);
}

RUN_TESTS(NULL, NULL)
