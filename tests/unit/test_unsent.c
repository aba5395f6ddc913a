/*
 * test_unsent.c - messages that do not come to their end get back what they
 * were charged, and whatever comes to its end all the same counts anew.
 */
#include "tests/unit/fake_engine.h"
#include "tests/unit/policy_stage.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "policyd/open_message.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define END(instance, count) STATE("END-OF-MESSAGE", instance, count, "5")
#define RCPT_OF(service, instance) \
    "request=smtpd_access_policy\nprotocol_state=RCPT\n" \
    "client_address=203.0.113.7\ninstance=" instance \
    "\npolicy_context=" service "\n\n"
#define MAIL \
    "request=smtpd_access_policy\nprotocol_state=MAIL\ninstance=\n" \
    "client_address=203.0.113.7\n\n"

/* One unit for each recipient. */
static void setup_charges(struct policy_stage *f, enum unsent_messages mode)
{
    fake_engine.charged = 1;
    fake_engine.config->unsent_messages = mode;
}

static void expect_refunds(unsigned refunds, unsigned units)
{
    assert_int_equal(fake_engine.refunds, refunds);
    assert_int_equal(fake_engine.refunded, units);
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, the_next_message_gives_back)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_REFUND);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine.verdict = VERDICT_REFUSE;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine.verdict = VERDICT_PASS;
    expect_refunds(0, 0);
    policy_stage_ask(f->peer, RCPT("1.2.3.1"));
    expect_refunds(1, 2);
    policy_stage_asked(4, 1, 1, 0, 1);
    /* A MAIL that is asked about is one too. */
    policy_stage_ask(f->peer, MAIL);
    expect_refunds(2, 3);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, the_end_keeps)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_REFUND);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_ask(f->peer, END("1.2.3.0", "1"));
    policy_stage_ask(f->peer, RCPT("1.2.3.1"));
    expect_refunds(0, 0);
    /* Refused at its end it does not go. */
    fake_engine.verdict = VERDICT_REFUSE;
    policy_stage_ask(f->peer, END("1.2.3.1", "1"));
    fake_engine.verdict = VERDICT_PASS;
    policy_stage_ask(f->peer, RCPT("1.2.3.2"));
    expect_refunds(1, 1);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, a_disconnect_gives_back)
{
    struct policy_stage *f = *state;
    int other = policy_stage_connect(f);

    setup_charges(f, UNSENT_REFUND);
    policy_stage_ask(other, RCPT("1.2.3.0"));
    close(other);
    policy_stage_run();
    expect_refunds(1, 1);
}

/* Over another connection: all of it counts anew. */
TEST_WITH(policy_stage_setup, policy_stage_teardown,
    what_ends_after_a_refund_counts_anew)
{
    struct policy_stage *f = *state;
    int other = policy_stage_connect(f);

    setup_charges(f, UNSENT_REFUND);
    policy_stage_ask(other, RCPT("1.2.3.0"));
    policy_stage_ask(other, RCPT("1.2.3.0"));
    close(other);
    policy_stage_run();
    expect_refunds(1, 2);
    policy_stage_ask(f->peer, END("1.2.3.0", "2"));
    policy_stage_asked(3, 1, 2, 5, 2);
}

/* Asked over two connections, one of which never hears of the end. */
TEST_WITH(policy_stage_setup, policy_stage_teardown, an_end_elsewhere_keeps)
{
    struct policy_stage *f = *state;
    int other = policy_stage_connect(f);

    setup_charges(f, UNSENT_REFUND);
    policy_stage_ask(other, RCPT("1.2.3.0"));
    policy_stage_ask(f->peer, END("1.2.3.0", "1"));
    policy_stage_ask(other, RCPT("1.2.3.1"));
    expect_refunds(0, 0);
    /* The second recipient was asked about elsewhere. */
    policy_stage_ask(f->peer, RCPT("1.2.3.1"));
    close(other);
    policy_stage_run();
    expect_refunds(0, 0);
    policy_stage_ask(f->peer, MAIL);
    expect_refunds(1, 1);
}

/* Where Postfix is not known to ask at the end, nothing is given back. */
TEST_WITH(
    policy_stage_setup, policy_stage_teardown, learns_whether_the_end_is_asked)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_AUTO);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_ask(f->peer, RCPT("1.2.3.1"));
    expect_refunds(0, 0);
    policy_stage_ask(f->peer, END("1.2.3.1", "1"));
    /* STATE names no service, and no login. */
    policy_stage_ask(f->peer, RCPT("1.2.3.2"));
    policy_stage_ask(f->peer, RCPT_OF("other", "1.2.3.3"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.4"));
    expect_refunds(0, 0);
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.5"));
    expect_refunds(1, 1);
}

/* DATA is the end where nothing comes after it. */
TEST_WITH(
    policy_stage_setup, policy_stage_teardown, learns_that_data_is_the_end)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_AUTO);
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.0"));
    policy_stage_ask(f->peer, STATE("DATA", "1.2.3.0", "1", "0"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.1"));
    policy_stage_ask(f->peer, STATE("DATA", "1.2.3.1", "1", "0"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.2"));
    expect_refunds(0, 0);
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.3"));
    expect_refunds(1, 1);
    /* The end is asked: after DATA it can still be given up. */
    policy_stage_ask(f->peer, END("1.2.3.3", "1"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.4"));
    policy_stage_ask(f->peer, STATE("DATA", "1.2.3.4", "1", "0"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.5"));
    expect_refunds(2, 2);
}

/* The first that a connection asks, of a message that another has counted. */
TEST_WITH(policy_stage_setup, policy_stage_teardown, data_elsewhere)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_AUTO);
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.0"));
    int other = policy_stage_connect(f);
    policy_stage_ask(other, STATE("DATA", "1.2.3.0", "1", "0"));
    policy_stage_expect(other, PASSED);
    close(other);
    policy_stage_run();
    expect_refunds(0, 0);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, keeps_where_told_to)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_KEEP);
    policy_stage_ask(f->peer, END("1.2.3.0", "1"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.1"));
    policy_stage_ask(f->peer, RCPT_OF("", "1.2.3.2"));
    expect_refunds(0, 0);
}

/* The daemon's end is no message's. */
TEST_WITH(policy_stage_setup, policy_stage_teardown, its_own_end_keeps)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_REFUND);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_sessions_free(&f->sessions);
    expect_refunds(0, 0);
    f->sessions = policy_sessions_new(NULL, NULL);
}

/* Through the store: only if nobody else has seen more of the message. */
TEST_WITH(policy_stage_setup, policy_stage_teardown, asks_the_store_first)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_REFUND);
    fake_engine.is_shared = true;
    policy_sessions_share_messages(f->sessions, true);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    assert_string_equal(fake_engine.note_value, "1 1");
    fake_engine.is_recall_async = true;
    policy_stage_ask(f->peer, MAIL);
    expect_refunds(0, 0);
    fake_engine_recall();
    expect_refunds(1, 1);
    assert_string_equal(fake_engine.note_value, "0 0");

    static const char *const notes[] = {"2 1", "1 2", "0 0"};
    for (size_t i = 0; i < COUNT(notes); i++) {
        fake_engine.is_recall_async = false;
        policy_stage_ask(f->peer, RCPT("1.2.3.1"));
        memcpy(fake_engine.note_value, notes[i], 4);
        policy_stage_ask(f->peer, MAIL);
        expect_refunds(1, 1);
        assert_string_equal(fake_engine.note_value, notes[i]);
    }
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, keeps_while_the_store_is_away)
{
    struct policy_stage *f = *state;

    setup_charges(f, UNSENT_REFUND);
    fake_engine.is_shared = true;
    policy_sessions_share_messages(f->sessions, true);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine.recall_status = STORE_UNAVAILABLE;
    policy_stage_ask(f->peer, MAIL);
    expect_refunds(0, 0);
    /* And one that waits while the daemon ends. */
    policy_stage_ask(f->peer, RCPT("1.2.3.1"));
    fake_engine.is_recall_async = true;
    policy_stage_ask(f->peer, MAIL);
    policy_sessions_free(&f->sessions);
    assert_int_equal(fake_engine.recalls_cancelled, 1);
    expect_refunds(0, 0);
    f->sessions = policy_sessions_new(NULL, NULL);
}

/* Messages without a session; one has been charged and noted. */
struct lone {
    struct message_memory *memory;
    struct open_messages *open;
    struct open_message message;
    uint64_t now_ms;
};

static void lone_open(struct lone *lone, bool is_shared)
{
    static const struct subject subject = {.len = 5, .text = "u=bob"};
    static const struct limit limit;
    const struct message_seen seen = {.is_counted = true, .recipients = 1};
    const struct policy_request request = {
        .state = POLICY_RCPT, .instance = "1.2"};
    struct decision decision = {
        .event.amount = {[EVENT_MESSAGE] = 1}, .config = fake_engine.config};

    decision.bill.count = 1;
    decision.bill.items[0] =
        (struct bill_item){.limit = &limit, .kind = EVENT_MESSAGE};
    decision.bill.charges[0] = (struct charge){.kind = CHARGE_SLIDING,
        .subject = &subject,
        .name = "n",
        .amount = 1,
        .window_ms = 86400000};
    *lone = (struct lone){
        .memory = message_memory_new(), .now_ms = clock_coarse_ms()};
    lone->open = open_messages_new(NULL, lone->memory);
    open_messages_share(lone->open, is_shared);
    message_memory_note(lone->memory, message_memory_hash(lone->memory, "1.2"),
        "1.2", seen, lone->now_ms);
    (void)snprintf(fake_engine.note_key, sizeof fake_engine.note_key, "1.2");
    (void)snprintf(fake_engine.note_value, STORE_NOTE_SIZE, "1 1");
    assert_false(open_message_on_pass(
        lone->open, &lone->message, &request, &decision, seen, lone->now_ms));
}

static void lone_close(struct lone *lone)
{
    open_messages_free(&lone->open);
    message_memory_free(&lone->memory);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, an_hour_gives_back)
{
    struct lone lone;

    setup_charges(*state, UNSENT_REFUND);
    lone_open(&lone, false);
    (void)open_messages_expire(lone.open, lone.now_ms + OPEN_MESSAGE_MS - 1);
    expect_refunds(0, 0);
    assert_false(
        open_messages_expire(lone.open, lone.now_ms + OPEN_MESSAGE_MS));
    expect_refunds(1, 1);
    /* It is unknown now, and once is enough. */
    struct message_seen found = message_memory_find(lone.memory,
        message_memory_hash(lone.memory, "1.2"), "1.2", lone.now_ms);
    assert_false(found.is_counted);
    assert_int_equal(found.recipients, 0);
    open_message_over(lone.open, &lone.message);
    expect_refunds(1, 1);
    lone_close(&lone);
}

/* smtpd may come back by another way to another daemon. */
TEST_WITH(policy_stage_setup, policy_stage_teardown,
    waits_a_minute_where_others_are_asked)
{
    struct lone lone;

    setup_charges(*state, UNSENT_REFUND);
    lone_open(&lone, true);
    open_message_on_close(lone.open, &lone.message, lone.now_ms);
    (void)open_messages_expire(
        lone.open, lone.now_ms + OPEN_MESSAGE_PAUSE_MS - 1);
    assert_int_equal(fake_engine.recalls, 0);
    (void)open_messages_expire(lone.open, lone.now_ms + OPEN_MESSAGE_PAUSE_MS);
    assert_int_equal(fake_engine.recalls, 1);
    expect_refunds(1, 1);
    lone_close(&lone);
    lone_open(&lone, true);
    open_message_on_close(lone.open, &lone.message, lone.now_ms);
    lone_close(&lone);
    expect_refunds(1, 1);
}

RUN_TESTS(NULL, NULL)
