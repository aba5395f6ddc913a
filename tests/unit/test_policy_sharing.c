/*
 * test_policy_sharing.c - the message memory in a store that others share.
 */
#include "tests/unit/fake_engine.h"
#include "tests/unit/policy_stage.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

TEST_WITH(policy_stage_setup, policy_stage_teardown,
    shares_messages_through_the_store)
{
    struct policy_stage *f = *state;

    fake_engine.is_shared = true;
    fake_engine.is_recall_async = true;
    policy_sessions_share_messages(f->sessions, true);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    assert_int_equal(fake_engine.decisions, 0);
    fake_engine_recall();
    policy_stage_asked(1, 1, 1, 0, 1);
    assert_string_equal(fake_engine.note_key, "1.2.3.0");
    assert_string_equal(fake_engine.note_value, "1 1");

    /* Another daemon has seen six more. */
    memcpy(fake_engine.note_value, "1 7", 4);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine_recall();
    policy_stage_asked(2, 0, 1, 0, 8);
    assert_string_equal(fake_engine.note_value, "1 8");

    /* A refusal writes nothing, nor does what counts nothing. */
    fake_engine.verdict = VERDICT_REFUSE;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine_recall();
    fake_engine.verdict = VERDICT_PASS;
    policy_stage_ask(f->peer, STATE("END-OF-MESSAGE", "1.2.3.0", "8", "5"));
    fake_engine_recall();
    assert_int_equal(fake_engine.writes, 2);
    assert_int_equal(fake_engine.recalls, 4);

    /* No name, no note. */
    policy_stage_ask(f->peer, RCPT(""));
    assert_int_equal(fake_engine.recalls, 4);
    assert_int_equal(fake_engine.writes, 2);
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, falls_back_on_its_own_memory)
{
    struct policy_stage *f = *state;

    fake_engine.is_shared = true;
    policy_sessions_share_messages(f->sessions, true);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine.recall_status = STORE_UNAVAILABLE;
    memcpy(fake_engine.note_value, "1 9", 4);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(2, 0, 1, 0, 2);
    policy_stage_expect(f->peer, PASSED PASSED);
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, cancels_the_recall_of_who_leaves)
{
    struct policy_stage *f = *state;
    int other = policy_stage_connect(f);

    fake_engine.is_shared = true;
    fake_engine.is_recall_async = true;
    policy_sessions_share_messages(f->sessions, true);
    policy_stage_ask(other, RCPT("1.2.3.0"));
    close(other);
    policy_stage_run();
    assert_int_equal(fake_engine.recalls_cancelled, 1);
    assert_int_equal(fake_engine.decisions, 0);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown,
    shares_nothing_on_a_private_store)
{
    struct policy_stage *f = *state;

    policy_sessions_share_messages(f->sessions, true);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    assert_int_equal(fake_engine.recalls + fake_engine.writes, 0);
}

RUN_TESTS(NULL, NULL)
