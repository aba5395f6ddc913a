/*
 * test_smtpd_activity.c - limits that smtpd's silence makes useless, and
 * whether an smtpd has a client.
 */
#include "tests/unit/anvil_stage.h"

#include "common/base/clock.h"

#include "policyd/policy_request.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

static void wait_for_limit(enum event_kind kind, char **services)
{
    static struct limit limits[EVENT_KINDS];
    static const struct limit *fed[EVENT_KINDS];

    limits[kind] = (struct limit){.event = kind,
        .n = 5,
        .window_ms = 60000,
        .at = FACE_ANVIL,
        .key = 1u << KEY_CLIENT,
        .services = services};
    fed[kind] = &limits[kind];
    stage.config.feeds[FACE_ANVIL][kind].limits = &fed[kind];
    stage.config.feeds[FACE_ANVIL][kind].count = 1;
}

#define WARNING "sends no "

static const struct policy_request request = {.server_port = "25"};

static void activity(void)
{
    anvil_sessions_see_rcpt(
        stage.sessions, getpid(), &request, clock_coarse_ms());
}

TEST_WITH(stage_set_up, stage_tear_down, warns_once)
{
    static char *everywhere[] = {NULL};
    int fd = stage_open(true);

    wait_for_limit(EVENT_MESSAGE, everywhere);
    wait_for_limit(EVENT_RECIPIENT, everywhere);
    activity(); /* no client: smtpd asked nothing about this one */
    stage_ask(fd, "request=connect\n" A);
    anvil_sessions_see_rcpt(
        stage.sessions, getpid() + 1, &request, clock_coarse_ms());
    anvil_sessions_see_rcpt(stage.sessions, 0, &request, clock_coarse_ms());
    assert_int_equal(stage_logged(WARNING), 0);
    activity();
    assert_int_equal(stage_logged("smtpd_client_message_rate_limit > 0"), 1);
    assert_int_equal(stage_logged("smtpd_client_recipient_rate_limit > 0"), 1);
    assert_int_equal(stage_logged("service smtp "), 2);
    activity();
    stage_ask(fd, "request=connect\n" B);
    activity();
    assert_int_equal(stage_logged(WARNING), 2);
    stage_ask(fd, "request=connect\nident=587:192.0.2.1\n\n");
    stage_ask(fd, "request=message\nident=587:192.0.2.1\n\n");
    activity();
    assert_int_equal(stage_logged(WARNING), 3);
    assert_int_equal(stage_logged("service 587 sends no recipient"), 1);
    close(fd);
}

TEST(is_quiet)
{
    static char *everywhere[] = {NULL}, other[] = "587",
                *elsewhere[] = {other, NULL};
    static const struct {
        bool has_message, has_recipient, is_elsewhere;
        const char *requests[4];
    } cases[] = {
        {false, false, false, {"request=connect\n" A}},
        {true, true, true, {"request=connect\n" A}},
        {true, false, false, {"request=connect\n" A, "request=message\n" A}},
        {false, true, false, {"request=connect\n" A, "request=recipient\n" A}},
        {true, true, false,
            {"request=connect\n" A, "request=message\n" A,
                "request=recipient\n" A}},
        {true, true, false, {"request=connect\n" A, "request=disconnect\n" A}},
        /* handed over in a session: who knows what was said before */
        {true, true, false, {"request=recipient\n" A}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char **services = cases[i].is_elsewhere ? elsewhere : everywhere;

        assert_int_equal(stage_set_up(state), 0);
        int fd = stage_open(true);
        if (cases[i].has_message)
            wait_for_limit(EVENT_MESSAGE, services);
        if (cases[i].has_recipient)
            wait_for_limit(EVENT_RECIPIENT, services);
        for (size_t r = 0; cases[i].requests[r] != NULL; r++)
            stage_ask(fd, cases[i].requests[r]);
        activity();
        if (stage_logged(WARNING) != 0)
            fail_msg("case %zu warns", i);
        close(fd);
        stage_tear_down(state);
    }
}

/* A place in the same pass of the loop: after what is read in it, and before
 * that is decided. */
struct look {
    struct event *event;
    unsigned turns;
    bool is_idle;
};

static void on_look(evutil_socket_t fd, short what, void *context)
{
    struct look *look = context;

    look->is_idle = anvil_sessions_is_idle(stage.sessions, getpid());
    if (look->turns++ == 0)
        event_active(look->event, 0, 0);
}

/* Who drains then must leave smtpd's policy connection alone. */
TEST_WITH(stage_set_up, stage_tear_down, is_not_idle_before_the_decision)
{
    static const struct {
        const char *request;
        bool is_idle;
    } rows[] = {
        {"request=lookup\n" A, true},
        {"request=connect\n" A, false},
        {"request=disconnect\n" A, false},
        {"request=disconnect\n" A, true},
        {"request=auth\n" A, false},
    };
    struct look look;
    int fd = stage_open(true);

    look.event = event_new(stage.base, -1, 0, on_look, &look);
    for (size_t i = 0; i < COUNT(rows); i++) {
        look.turns = 0;
        event_active(look.event, 0, 0);
        stage_ask(fd, rows[i].request);
        assert_int_equal(look.turns, 2);
        if (look.is_idle != rows[i].is_idle)
            fail_msg("row %zu: %s", i, look.is_idle ? "idle" : "not idle");
    }
    event_free(look.event);
    close(fd);
    stage_run();
}

RUN_TESTS(NULL, NULL)
