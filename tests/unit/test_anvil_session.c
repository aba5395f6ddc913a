/*
 * test_anvil_session.c - smtpd on one end of a socketpair, a scripted engine
 * behind the session on the other.
 */
#include "tests/unit/anvil_stage.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REFUSED "status=0\ncount=2147483647\nrate=2147483647\n\n"

static void set_counts(uint32_t count)
{
    for (unsigned i = 0; i < EVENT_KINDS; i++)
        fake_engine.count[i] = count + i;
}

TEST_WITH(stage_set_up, stage_tear_down, greeting)
{
    int fresh = stage_open(false), late = stage_open(true);

    assert_string_equal(stage_hear(fresh), ANVIL_GREETING);
    assert_string_equal(stage_hear(late), "");
    stage.config.policyd.anvil_greeting = false;
    int old = stage_open(false);
    assert_string_equal(stage_hear(old), "");
    assert_int_equal(anvil_sessions_count(stage.sessions), 3);
    assert_int_equal(fake_engine.metrics.connections[FACE_ANVIL], 3);
    close(fresh);
    close(late);
    close(old);
    stage_run();
    assert_int_equal(anvil_sessions_count(stage.sessions), 0);
}

/* One connection, many clients; whoever only looks has none. */
TEST_WITH(stage_set_up, stage_tear_down, each_request_is_proven)
{
    static const char *const kinds[] = {
        "connect", "message", "recipient", "newtls_status", "newtls", "auth"};
    int fd = stage_open(true);

    fake_engine.peer = (struct peer){.state = PEER_PROVEN, .port = 12525};
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        char request[80];
        snprintf(request, sizeof request, "request=%s\n" A, kinds[i]);
        stage_ask(fd, request);
        assert_int_equal(fake_engine.proofs, i + 1);
        assert_int_equal(fake_engine.last.peer.port, 12525);
    }
    stage_ask(fd, "request=lookup\n" A);
    assert_int_equal(fake_engine.last.peer.state, PEER_NOT_ASKED);
    stage_ask(fd, "request=disconnect\n" A);
    assert_int_equal(fake_engine.proofs, COUNT(kinds));
    close(fd);
    stage_run();
}

TEST_WITH(stage_set_up, stage_tear_down, one_client)
{
    int fd = stage_open(true);

    set_counts(10);
    assert_string_equal(stage_ask(fd, "request=connect\n" A),
        "status=0\ncount=11\nrate=10\n\n");
    assert_int_equal(stage.taken, 1);
    assert_int_equal(fake_engine.last.amount[EVENT_CONNECTION], 1);
    assert_int_equal(fake_engine.last.amount[EVENT_CONNECTION_COUNT], 1);
    assert_string_equal(fake_engine.last.service, "smtp");
    assert_int_equal(fake_engine.last.client.net.family, ADDRESS_IPV4);
    assert_string_equal(
        stage_ask(fd, "request=message\n" A), "status=0\nrate=12\n\n");
    assert_string_equal(
        stage_ask(fd, "request=recipient\n" A), "status=0\nrate=13\n\n");
    assert_string_equal(
        stage_ask(fd, "request=newtls_status\n" A), "status=0\nrate=16\n\n");
    assert_true(fake_engine.last.peek);
    assert_string_equal(
        stage_ask(fd, "request=newtls\n" A), "status=0\nrate=16\n\n");
    assert_false(fake_engine.last.peek);
    assert_string_equal(
        stage_ask(fd, "request=auth\n" A), "status=0\nrate=17\n\n");
    assert_string_equal(stage_ask(fd, "request=lookup\n" A),
        "status=0\ncount=11\nrate=10\nmail=12\nrcpt=13\nnewtls=16\nauth=17\n"
        "tlstr=0\n\n");
    assert_int_equal(fake_engine.decisions, 7);
    assert_int_equal(stage.released, 0);
    assert_string_equal(
        stage_ask(fd, "request=disconnect\n" A), "status=0\n\n");
    assert_int_equal(fake_engine.decisions, 7); /* it never asks the engine */
    assert_int_equal(stage.released, 1);
    assert_int_equal(stage.taken, 1);
    close(fd);
}

TEST_WITH(stage_set_up, stage_tear_down, refusals)
{
    static const enum verdict_kind kinds[] = {VERDICT_REFUSE, VERDICT_DEFER};
    int fd = stage_open(true);

    for (size_t i = 0; i < COUNT(kinds); i++) {
        fake_engine.verdict = kinds[i];
        assert_string_equal(stage_ask(fd, "request=connect\n" A), REFUSED);
        assert_string_equal(stage_ask(fd, "request=message\n" A),
            "status=0\nrate=2147483647\n\n");
        assert_string_equal(stage_ask(fd, "request=newtls_status\n" A),
            "status=0\nrate=2147483647\n\n");
        assert_string_equal(
            stage_ask(fd, "request=disconnect\n" A), "status=0\n\n");
    }
    assert_int_equal(stage.taken, 0);
    close(fd);
}

TEST(places)
{
    static const struct {
        const char *requests[4];
        unsigned taken, released; /* before smtpd goes */
    } cases[] = {
        {{"request=disconnect\n" A}, 0, 0},
        {{"request=connect\n" A, "request=disconnect\n" A,
             "request=disconnect\n" A},
            1, 1},
        {{"request=connect\n" A, "request=connect\n" B}, 2, 1},
        {{"request=connect\n" A, "request=connect\n" A}, 2, 1},
        /* not its own: anvil gives nothing back either */
        {{"request=connect\n" A, "request=disconnect\n" B}, 1, 0},
        {{"request=message\n" A, "request=disconnect\n" A}, 0, 0},
        {{"request=connect\n" A, "request=surprise\n" A}, 1, 0},
        {{"request=connect\n" A}, 1, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(stage_set_up(state), 0);
        int fd = stage_open(true);
        for (size_t r = 0; cases[i].requests[r] != NULL; r++)
            stage_ask(fd, cases[i].requests[r]);
        if (stage.taken != cases[i].taken ||
            stage.released != cases[i].released)
            fail_msg("case %zu: %u taken, %u released", i, stage.taken,
                stage.released);
        close(fd);
        stage_run();
        assert_int_equal(stage.released, stage.taken);
        assert_int_equal(anvil_sessions_count(stage.sessions), 0);
        stage_tear_down(state);
    }
}

#define ALL_REFUSED \
    "status=0\ncount=2147483647\nrate=2147483647\nmail=2147483647\n" \
    "rcpt=2147483647\nnewtls=2147483647\nauth=2147483647\ntlstr=" \
    "2147483647\n\n"

static const struct config_service requiring = {
    .proxied = true, .proof = SERVICE_PROOF_REQUIRED};

TEST_WITH(stage_set_up, stage_tear_down, unknown_request)
{
    int fd = stage_open(true);

    assert_string_equal(stage_ask(fd, "request=surprise\n" A), "status=-1\n\n");
    assert_int_equal(fake_engine.proofs, 1);
    assert_int_equal(event_first_kind(&fake_engine.last), EVENT_KINDS);
    assert_int_equal(stage_logged("unknown request"), 1);
    fake_engine.service = &requiring; /* it is the peer that is judged */
    assert_string_equal(stage_ask(fd, "request=surprise\n" A), "status=-1\n\n");
    fake_engine.verdict = VERDICT_REFUSE;
    assert_string_equal(stage_ask(fd, "request=surprise\n" A), ALL_REFUSED);
    fake_engine.verdict = VERDICT_PASS;
    assert_string_equal(
        stage_ask(fd, "request=message\n" A), "status=0\nrate=0\n\n");
    close(fd);
}

/* smtpd 3.11, whose client has gone. */
TEST_WITH(stage_set_up, stage_tear_down, no_client)
{
    int fd = stage_open(true);

    set_counts(1);
    assert_string_equal(stage_ask(fd, "request=connect\nident=smtp:\n\n"),
        "status=0\ncount=2\nrate=1\n\n");
    assert_int_equal(fake_engine.proofs, 1);
    assert_string_equal(fake_engine.last.service, "smtp");
    assert_int_equal(fake_engine.last.client.net.family, ADDRESS_NONE);
    assert_string_equal(
        stage_ask(fd, "request=disconnect\nident=smtp:\n\n"), "status=0\n\n");
    fake_engine.verdict = VERDICT_REFUSE;
    assert_string_equal(
        stage_ask(fd, "request=connect\nident=smtp:\n\n"), REFUSED);
    assert_int_equal(stage_logged("malformed"), 0);
    close(fd);
}

/* Postfix 3.12, of no client: smtp(8) asks too. */
TEST_WITH(stage_set_up, stage_tear_down, traces)
{
    int fd = stage_open(true);

    fake_engine.verdict = VERDICT_REFUSE;
    for (unsigned i = 1; i <= 3; i++) {
        char answer[40];
        snprintf(answer, sizeof answer, "status=0\nrate=%u\n\n", i);
        assert_string_equal(
            stage_ask(fd, "request=tlstr\nident=any:any\n\n"), answer);
    }
    assert_int_equal(fake_engine.proofs + fake_engine.decisions, 0);
    assert_string_equal(stage_ask(fd, "request=lookup\nident=any:any\n\n"),
        "status=0\ncount=0\nrate=0\nmail=0\nrcpt=0\nnewtls=0\nauth=0\n"
        "tlstr=3\n\n");
    stage.config.rate_time_unit_ms = 0;
    for (uint64_t now = clock_coarse_ms(); clock_coarse_ms() == now;)
        continue;
    assert_string_equal(stage_ask(fd, "request=tlstr\nident=any:any\n\n"),
        "status=0\nrate=1\n\n");
    assert_int_equal(stage_logged("unknown request"), 0);
    close(fd);
}

/* Whole requests: the connection goes on. */
static const char *const unusable[] = {
    "\n",
    "request=connect\n\n",
    "ident=smtp:192.0.2.1\n\n",
    "request=connect\nident=smtp\n\n",
    "request=connect\nident=:\n\n",
    "request=connect\nident=smtp:mx.example.com\n\n",
    "request=connect\nrequest=connect\n" A,
    "ident=smtp:192.0.2.1\nrequest=connect\n" A,
    "request=connect\nident=smtp:\xc3\xa9\n\n",
};

/* Nobody knows where the next one would begin. */
static const char *const broken[] = {
    "request=connect\n" A "request=connect\n" A,
    "nonsense\n",
    "request=connect\n=smtp:192.0.2.1\n",
    "GET / HTTP/1.1\r\n",
};

static void expect_malformed(
    const char *request, const char *answer, bool goes_on)
{
    unsigned proofs = fake_engine.proofs;
    int fd = stage_open(true);

    assert_string_equal(stage_ask(fd, request), answer);
    assert_int_equal(fake_engine.proofs, proofs + 1);
    fake_engine.verdict = VERDICT_PASS;
    stage_run();
    if (goes_on)
        assert_string_equal(
            stage_ask(fd, "request=message\n" A), "status=0\nrate=0\n\n");
    else
        assert_string_equal(stage_hear(fd), "EOF");
    close(fd);
    stage_run();
}

static void expect_all_malformed(enum verdict_kind verdict,
    const struct config_service *service, const char *answer)
{
    fake_engine.service = service;
    for (size_t i = 0; i < COUNT(unusable) + COUNT(broken); i++) {
        bool goes_on = i < COUNT(unusable);
        unsigned logged = stage_logged("malformed");
        fake_engine.verdict = verdict;
        expect_malformed(goes_on ? unusable[i] : broken[i - COUNT(unusable)],
            answer, goes_on);
        assert_int_equal(stage_logged("malformed"), logged + 1);
        assert_int_equal(fake_engine.metrics.malformed[FACE_ANVIL], logged + 1);
    }
}

/* A close would be no refusal: smtpd goes on without limits. */
TEST_WITH(stage_set_up, stage_tear_down, malformed)
{
    int other = stage_open(true);

    expect_all_malformed(VERDICT_PASS, NULL, "status=-1\n\n");
    expect_all_malformed(VERDICT_PASS, &requiring, ALL_REFUSED);
    expect_all_malformed(VERDICT_REFUSE, NULL, ALL_REFUSED);
    expect_all_malformed(VERDICT_DEFER, &requiring, ALL_REFUSED);
    assert_int_equal(stage_logged("unknown request"), 0);
    assert_string_equal(
        stage_ask(other, "request=message\n" A), "status=0\nrate=0\n\n");
    close(other);
}

/* What was being decided is given up for it. */
TEST_WITH(stage_set_up, stage_tear_down, malformed_while_deciding)
{
    int fd = stage_open(true);

    fake_engine.is_async = true;
    assert_string_equal(stage_ask(fd, "request=connect\n" A), "");
    assert_non_null(fake_engine.pending);
    fake_engine.is_async = false;
    fake_engine.verdict = VERDICT_REFUSE;
    assert_string_equal(stage_ask(fd, "request=connect\n" A), ALL_REFUSED);
    assert_string_equal(stage_hear(fd), "EOF");
    assert_null(fake_engine.pending);
    assert_int_equal(stage.taken, 0);
    close(fd);
}

TEST_WITH(stage_set_up, stage_tear_down, late_verdict)
{
    int fd = stage_open(true);

    fake_engine.is_async = true;
    assert_string_equal(stage_ask(fd, "request=connect\n" A), "");
    set_counts(5);
    fake_engine_answer();
    stage_run();
    assert_string_equal(stage_hear(fd), "status=0\ncount=6\nrate=5\n\n");
    assert_int_equal(stage.taken, 1);
    /* The next one never comes: smtpd goes first. */
    assert_string_equal(stage_ask(fd, "request=message\n" A), "");
    close(fd);
    stage_run();
    assert_null(fake_engine.pending);
    assert_int_equal(stage.released, 1);
    assert_int_equal(anvil_sessions_count(stage.sessions), 0);
}

/* The daemon drains again whenever it has been told of an end. */
static void drain_as_told(unsigned ended)
{
    assert_int_equal(fake_engine.sessions_ended, ended);
    anvil_sessions_drain(stage.sessions);
}

TEST_WITH(stage_set_up, stage_tear_down, drain)
{
    int idle = stage_open(true), busy = stage_open(true);

    stage_ask(busy, "request=connect\n" A);
    drain_as_told(0);
    assert_string_equal(stage_hear(idle), "EOF");
    assert_string_equal(stage_hear(busy), "");
    assert_int_equal(anvil_sessions_count(stage.sessions), 1);
    assert_string_equal(
        stage_ask(busy, "request=message\n" A), "status=0\nrate=0\n\n");
    drain_as_told(1);
    assert_string_equal(
        stage_ask(busy, "request=disconnect\n" A), "status=0\n\n");
    drain_as_told(2);
    assert_string_equal(stage_hear(busy), "EOF");
    assert_int_equal(anvil_sessions_count(stage.sessions), 0);
    close(idle);
    close(busy);
}

/* A request that is under way is answered first. */
TEST_WITH(stage_set_up, stage_tear_down, drain_under_way)
{
    int half = stage_open(true), late = stage_open(true);

    stage_ask(half, "request=conn");
    fake_engine.is_async = true;
    stage_ask(late, "request=lookup\n" A);
    drain_as_told(0);
    assert_int_equal(anvil_sessions_count(stage.sessions), 2);
    fake_engine_answer();
    fake_engine.is_async = false;
    drain_as_told(1);
    assert_int_equal(strncmp(stage_hear(late), "status=0\n", 9), 0);
    assert_string_equal(stage_hear(late), "EOF");
    assert_string_equal(
        stage_ask(half, "ect\n" B), "status=0\ncount=0\nrate=0\n\n");
    drain_as_told(2);
    assert_string_equal(
        stage_ask(half, "request=disconnect\n" B), "status=0\n\n");
    drain_as_told(3);
    assert_string_equal(stage_hear(half), "EOF");
    close(half);
    close(late);
}

/*
 * A client that was refused has still to say goodbye, and so has one that
 * came with its connection in the middle of a session.
 */
TEST_WITH(stage_set_up, stage_tear_down, drain_without_place)
{
    static const char *const requests[] = {
        "request=connect\n" A, "request=recipient\n" A};

    for (size_t i = 0; i < COUNT(requests); i++) {
        int fd = stage_open(true);
        fake_engine.verdict = VERDICT_REFUSE;
        stage_ask(fd, requests[i]);
        anvil_sessions_drain(stage.sessions);
        assert_string_equal(stage_hear(fd), "");
        assert_string_equal(
            stage_ask(fd, "request=disconnect\n" A), "status=0\n\n");
        anvil_sessions_drain(stage.sessions);
        assert_string_equal(stage_hear(fd), "EOF");
        close(fd);
    }
}

TEST_WITH(stage_set_up, stage_tear_down, is_idle)
{
    pid_t me = getpid();

    assert_false(anvil_sessions_is_idle(stage.sessions, me));
    int fd = stage_open(true);
    assert_true(anvil_sessions_is_idle(stage.sessions, me));
    assert_false(anvil_sessions_is_idle(stage.sessions, me + 1));
    assert_false(anvil_sessions_is_idle(stage.sessions, 0));
    stage_ask(fd, "request=recipient\n" A);
    assert_false(anvil_sessions_is_idle(stage.sessions, me));
    int other = stage_open(true);
    assert_false(anvil_sessions_is_idle(stage.sessions, me));
    stage_ask(fd, "request=disconnect\n" A);
    assert_true(anvil_sessions_is_idle(stage.sessions, me));
    close(fd);
    close(other);
    stage_run();
    assert_false(anvil_sessions_is_idle(stage.sessions, me));
}

TEST_WITH(stage_set_up, stage_tear_down, statistics)
{
    int fd = stage_open(true);

    stage.tracked = 7;
    set_counts(3);
    stage_ask(fd, "request=connect\n" A);
    stage_ask(fd, "request=newtls_status\n" A);
    stage_ask(fd, "request=lookup\n" A);
    set_counts(2);
    stage_ask(fd, "request=connect\n" B);
    stage_ask(fd, "request=auth\n" B);
    fake_engine.verdict = VERDICT_REFUSE; /* 2147483647 is no rate */
    stage_ask(fd, "request=message\n" B);
    anvil_sessions_free(&stage.sessions);
    assert_int_equal(
        stage_logged(
            "statistics: max connection rate 3/60s for (smtp:192.0.2.1) at "),
        1);
    assert_int_equal(
        stage_logged(
            "statistics: max connection count 4 for (smtp:192.0.2.1) at "),
        1);
    assert_int_equal(
        stage_logged(
            "statistics: max message rate 4/60s for (smtp:192.0.2.2) at "),
        1);
    assert_int_equal(
        stage_logged(
            "statistics: max auth rate 9/60s for (smtp:192.0.2.2) at "),
        1);
    assert_int_equal(stage_logged("statistics: max cache size 7 at "), 1);
    assert_int_equal(stage_logged("statistics: "), 5);
    close(fd);
}

RUN_TESTS(NULL, NULL)
