/*
 * test_engine_exempt.c - who is in exempt_clients, and what still holds him.
 */
#include "tests/unit/engine_bench.h"

TEST(exempt_client_is_not_charged)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_event(FACE_POLICY, "192.0.2.9");
    event.amount[EVENT_MESSAGE] = 1;
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(bench.verdicts, 1);
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_int_equal(verdict->reason, REASON_EXEMPT);
    assert_int_equal(fake_store.charges_asked, 0);
    bench_close(&bench);
}

/* A webmail: not its address is counted, but each of its users. */
TEST(exempt_client_is_held_by_his_login)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_first_recipient();
    event.client = bench_event(FACE_POLICY, "192.0.2.9").client;
    event.message_recipients = 4; /* "cap", which has no key, spares him */
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(fake_store.asked_count, 1);
    assert_string_equal(fake_store.asked[0].subject->text, "u=bob");
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_int_equal(verdict->reason, REASON_EXEMPT);
    fake_store.refuses[0] = true;
    bench_decide(&bench, event);
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    assert_int_equal(verdict->reason, REASON_LIMIT);
    assert_string_equal(verdict->limit->name, "user");
    bench_close(&bench);
}

/* Whatever the one before was, and a face cannot say so. */
TEST(nobody_inherits_an_exemption)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_first_recipient();
    event.is_exempt = true;
    bench_decide(&bench, event);
    assert_int_equal(fake_store.asked_count, 4);
    assert_int_equal(bench.decision.verdict.reason, REASON_NONE);
    bench_close(&bench);
}

/* Postfix 3.8+ sends nets: one that only overlaps is not exempt. */
TEST(net_is_exempt_only_as_a_whole)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_event(FACE_ANVIL, "192.0.0.0/16");
    event.amount[EVENT_MESSAGE] = 1;
    bench_decide(&bench, event);
    assert_int_equal(fake_store.charges_asked, 1);
    event = bench_event(FACE_ANVIL, "192.0.2.128/25");
    event.amount[EVENT_MESSAGE] = 1;
    bench_decide(&bench, event);
    assert_int_equal(fake_store.charges_asked, 1);
    bench_close(&bench);
}

RUN_TESTS(NULL, NULL)
