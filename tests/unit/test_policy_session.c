/*
 * test_policy_session.c - the policy face between a Postfix that is a
 * socketpair and an engine that follows a script.
 */
#include "tests/unit/fake_engine.h"
#include "tests/unit/policy_stage.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

TEST_WITH(policy_stage_setup, policy_stage_teardown, fills_the_whole_event)
{
    struct policy_stage *f = *state;
    const struct event *event = &fake_engine.last;
    struct address client;

    fake_engine.is_async = true;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(1, 1, 1, 0, 1);
    assert_int_equal(event->face, FACE_POLICY);
    assert_string_equal(event->service, "25");
    assert_string_equal(event->client_text, "203.0.113.7");
    assert_string_equal(event->sasl_username, "user");
    assert_string_equal(event->sender, "a@x");
    assert_string_equal(event->recipient, "b@y");
    assert_string_equal(event->helo, "h");
    assert_string_equal(event->instance, "1.2.3.0");
    assert_false(event->peek);
    assert_true(address_parse("203.0.113.7", 11, &client));
    assert_true(address_equal(&event->client.net, &client));
    assert_int_equal(event->client.prefix_length, 32);

    fake_engine_answer();
    policy_stage_expect(f->peer, PASSED);
    /* Nothing of it is left for the next request. */
    policy_stage_ask(
        f->peer, "request=smtpd_access_policy\nprotocol_state=RCPT\n\n");
    policy_stage_asked(2, 1, 1, 0, 1);
    assert_string_equal(event->service, "");
    assert_string_equal(event->client_text, "");
    assert_string_equal(event->sasl_username, "");
    assert_string_equal(event->sender, "");
    assert_string_equal(event->instance, "");
    assert_int_equal(event->client.net.family, ADDRESS_NONE);
    fake_engine_answer();
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, counts_each_thing_once)
{
    struct policy_stage *f = *state;
    int other;

    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(1, 1, 1, 0, 1);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(2, 0, 1, 0, 2);
    /* smtpd may come back on another connection. */
    other = policy_stage_connect(f);
    policy_stage_ask(other, RCPT("1.2.3.0"));
    policy_stage_asked(3, 0, 1, 0, 3);
    policy_stage_ask(other, STATE("DATA", "1.2.3.0", "3", "0"));
    assert_int_equal(fake_engine.decisions, 3);
    policy_stage_ask(other, STATE("END-OF-MESSAGE", "1.2.3.0", "3", "55"));
    policy_stage_asked(4, 0, 0, 55, 0);
    policy_stage_expect(f->peer, PASSED PASSED);
    policy_stage_expect(other, PASSED PASSED PASSED);
    close(other);
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, asks_nobody_about_other_states)
{
    struct policy_stage *f = *state;

    policy_stage_ask(f->peer, STATE("CONNECT", "", "0", "0"));
    policy_stage_expect(f->peer, PASSED);
    policy_stage_ask(f->peer, STATE("VRFY", "1.2.3.0", "0", "0"));
    policy_stage_expect(f->peer, PASSED);
    assert_int_equal(fake_engine.decisions, 0);
    assert_int_equal(fake_engine.activities, 0);
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, refuses_and_charges_nothing)
{
    struct policy_stage *f = *state;

    fake_engine.verdict = VERDICT_REFUSE;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_expect(f->peer, REFUSED);
    fake_engine.verdict = VERDICT_DEFER;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(2, 1, 1, 0, 1);
    policy_stage_expect(
        f->peer, "action=451 4.3.0 Error: temporary system problem\n\n");
    fake_engine.verdict = VERDICT_PASS;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(3, 1, 1, 0, 1);
    policy_stage_expect(f->peer, PASSED);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, waits_for_the_verdict)
{
    struct policy_stage *f = *state;

    fake_engine.is_async = true;
    fake_engine.verdict = VERDICT_REFUSE;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_expect(f->peer, "");
    fake_engine_answer();
    policy_stage_expect(f->peer, REFUSED);

    fake_engine.verdict = VERDICT_PASS;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    fake_engine_answer();
    policy_stage_expect(f->peer, PASSED);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(3, 0, 1, 0, 2);
    fake_engine_answer();
}

TEST_WITH(
    policy_stage_setup, policy_stage_teardown, drops_the_question_of_who_leaves)
{
    struct policy_stage *f = *state;
    int other = policy_stage_connect(f);

    fake_engine.is_async = true;
    policy_stage_ask(other, RCPT("1.2.3.0"));
    assert_non_null(fake_engine.pending);
    close(other);
    policy_stage_run();
    assert_null(fake_engine.pending);
    assert_int_equal(policy_sessions_count(f->sessions), 1);
    assert_int_equal(fake_engine.sessions_ended, 1);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_asked(2, 1, 1, 0, 1);
    fake_engine_answer();
    policy_stage_expect(f->peer, PASSED);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, closes_what_is_malformed)
{
    static const char *const cases[] = {
        RCPT("1.2.3.0") RCPT("1.2.3.0"),
        "request=junk\n\n",
        "protocol_state=RCPT\n\n",
        "request=smtpd_access_policy\nnonsense\n\n",
        "\n",
    };
    struct policy_stage *f = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        int other = policy_stage_connect(f);
        policy_stage_ask(other, cases[i]);
        policy_stage_expect(other, "EOF");
        assert_int_equal(fake_engine.metrics.malformed[FACE_POLICY], i + 1);
        assert_int_equal(fake_engine.metrics.connections[FACE_POLICY], 1);
        close(other);
    }
    assert_int_equal(fake_engine.decisions, 0);
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_expect(f->peer, PASSED);
}

static const char *const unreadable[] = {
    "request=junk\n\n",
    "protocol_state=RCPT\n\n",
    "request=smtpd_access_policy\nsize=much\n\n",
    "request=smtpd_access_policy\nclient_address="
    "1111111111111111111111111111111111111111111111111111111111111111\n\n",
    "request=smtpd_access_policy\nnonsense\n",
};

static void expect_unreadable(struct policy_stage *f, enum verdict_kind verdict,
    const char *answer, size_t len)
{
    for (size_t i = 0; i < COUNT(unreadable); i++) {
        unsigned proofs = fake_engine.proofs;
        int other = policy_stage_connect(f);
        char got[256] = "";
        fake_engine.verdict = verdict;
        policy_stage_ask(other, unreadable[i]);
        assert_true(recv(other, got, sizeof got - 1, MSG_DONTWAIT) > 0);
        got[len] = '\0';
        assert_string_equal(got, answer);
        assert_int_equal(fake_engine.proofs, proofs + 1);
        close(other);
        policy_stage_run();
    }
}

/* No default_action is asked where forgery is the question. */
TEST_WITH(
    policy_stage_setup, policy_stage_teardown, refuses_what_it_cannot_read)
{
    static const struct config_service requiring = {
        .proxied = true, .proof = SERVICE_PROOF_REQUIRED};
    static const char refused[] = "action=450 4.7.1 ";
    static const char unread[] = "action=421 4.3.0 ";
    struct policy_stage *f = *state;

    fake_engine.judges_peers = true;
    expect_unreadable(f, VERDICT_REFUSE, refused, sizeof refused - 1);
    fake_engine.service = &requiring;
    expect_unreadable(f, VERDICT_PASS, unread, sizeof unread - 1);
    fake_engine.verdict = VERDICT_PASS;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_expect(f->peer, PASSED);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, closes_on_impatience)
{
    struct policy_stage *f = *state;

    fake_engine.is_async = true;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_expect(f->peer, "EOF");
    assert_null(fake_engine.pending);
    assert_int_equal(policy_sessions_count(f->sessions), 0);
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, sees_rcpt)
{
    struct policy_stage *f = *state;

    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_stage_ask(f->peer, STATE("DATA", "1.2.3.0", "1", "0"));
    assert_int_equal(fake_engine.activities, 1);
    assert_int_equal(fake_engine.activity, getpid());
}

TEST_WITH(policy_stage_setup, policy_stage_teardown, free_closes_all)
{
    struct policy_stage *f = *state;
    int other = policy_stage_connect(f);

    fake_engine.is_async = true;
    policy_stage_ask(other, RCPT("1.2.3.0"));
    policy_sessions_free(&f->sessions);
    assert_null(fake_engine.pending);
    policy_stage_expect(f->peer, "EOF");
    policy_stage_expect(other, "EOF");
    close(other);
}

/* smtpd must not lose us in the middle of a session, nor of a question. */
TEST_WITH(
    policy_stage_setup, policy_stage_teardown, drains_those_who_serve_nobody)
{
    struct policy_stage *f = *state;

    policy_sessions_drain(f->sessions);
    assert_int_equal(policy_sessions_count(f->sessions), 1);
    fake_engine.idle_smtpd = getpid();
    fake_engine.is_async = true;
    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    policy_sessions_drain(f->sessions);
    assert_int_equal(policy_sessions_count(f->sessions), 1);
    fake_engine_answer();
    policy_stage_expect(f->peer, PASSED);

    policy_sessions_drain(f->sessions);
    assert_int_equal(policy_sessions_count(f->sessions), 0);
    policy_stage_expect(f->peer, "EOF");
}

/* One connection, many clients: what was true of the last is not of this. */
TEST_WITH(policy_stage_setup, policy_stage_teardown, proves_each_request)
{
    struct policy_stage *f = *state;
    const struct event *event = &fake_engine.last;

    fake_engine.judges_peers = true;
    fake_engine.peer = (struct peer){.state = PEER_PROVEN, .port = 12525};
    policy_stage_ask(f->peer, "request=smtpd_access_policy\n"
                              "protocol_state=EHLO\npolicy_context=25\n"
                              "server_address=192.0.2.25\n"
                              "server_port=25\n\n");
    policy_stage_asked(1, 0, 0, 0, 0);
    assert_int_equal(fake_engine.proofs, 1);
    assert_int_equal(event->peer.port, 12525);
    assert_int_equal(event->frontend.family, ADDRESS_IPV4);
    assert_int_equal(event->frontend_port, 25);

    fake_engine.peer = (struct peer){.state = PEER_UNPROVEN};
    fake_engine.verdict = VERDICT_DEFER;
    policy_stage_ask(f->peer, "request=smtpd_access_policy\n"
                              "protocol_state=MAIL\n"
                              "server_port=unknown\n\n");
    policy_stage_asked(2, 0, 0, 0, 0);
    assert_int_equal(fake_engine.proofs, 2);
    assert_int_equal(event->peer.state, PEER_UNPROVEN);
    assert_int_equal(event->frontend.family, ADDRESS_NONE);
    assert_int_equal(event->frontend_port, 0);
    policy_stage_expect(
        f->peer, PASSED "action=451 4.3.0 Error: temporary system problem\n\n");
}

TEST_WITH(policy_stage_setup, policy_stage_teardown,
    proves_nothing_where_nobody_wants_it)
{
    struct policy_stage *f = *state;

    policy_stage_ask(f->peer, RCPT("1.2.3.0"));
    assert_int_equal(fake_engine.decisions, 1);
    assert_int_equal(fake_engine.proofs, 0);
}

RUN_TESTS(NULL, NULL)
