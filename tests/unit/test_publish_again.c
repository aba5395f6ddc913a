/*
 * test_publish_again.c - a change whose publication a reload, a restart or
 * the helper's end comes in between of.
 */
#include "tests/unit/unit.h"

#include "common/certs/refresh_map.h"
#include "tests/unit/publish_stage.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

/* While the file is being written. */
TEST_WITH(publish_setup, publish_teardown, a_reload_right_after_a_change)
{
    struct certs_stage *stage = *state;
    struct command_request ignored;

    publish_start(stage);
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    while (!stage_report(stage, 0).default_chain.is_due)
        event_base_loop(stage->base, EVLOOP_ONCE);
    stage_configure(stage, publish_section);
    assert_true(stage_report(stage, 0).default_chain.is_due);
    stage_await(stage, publish_is_second_there, "the file is another");
    while (!helper_was_asked(&ignored))
        stage_run(stage, 5);
    assert_false(helper_was_asked(&ignored));
}

TEST_WITH(publish_setup, publish_teardown, a_restart_in_between)
{
    struct certs_stage *stage = *state;
    struct command_request request;

    publish_start(stage);
    unsigned long map = publish_map(stage);
    publish_restart(stage);
    assert_int_not_equal(publish_map(stage), map);
    /* The chain is there, and was said to be. */
    assert_false(helper_was_asked(&request));
    struct certs_report report = stage_report(stage, 0);
    assert_int_not_equal(report.default_chain.done_s, 0);
    assert_false(report.default_chain.is_due);
}

TEST_WITH(publish_setup, publish_teardown, a_restart_later)
{
    struct certs_stage *stage = *state;
    struct command_request request;

    publish_start(stage);
    publish_age(stage, "tls/chain.pem", 3);
    unsigned long map = publish_map(stage);
    publish_restart(stage);
    assert_int_equal(publish_map(stage), map);
    assert_false(helper_was_asked(&request));
    /* Something new while nobody ran. */
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    publish_restart(stage);
    assert_true(publish_is_second_there(stage));
    assert_int_not_equal(publish_map(stage), map);
    assert_true(helper_was_asked(&request));
}

TEST_WITH(publish_setup, publish_teardown, a_helper_that_is_busy)
{
    struct certs_stage *stage = *state;
    struct command_request request = {.timeout_ms = 1};
    size_t count = 0;

    while (send(stage->command_fd, &request, sizeof request, MSG_DONTWAIT) > 0)
        count++;
    stage_write_combined(stage, "a.pem", &publish_issued[0]);
    stage_configure(stage, publish_section);
    assert_int_equal(stage_count_log(stage, "next attempt in 1000 ms"), 1);
    assert_true(stage_report(stage, 0).on_change.is_due);
    for (; count > 0; count--)
        assert_true(helper_was_asked(&request));
    stage_advance(stage, 1);
    while (!helper_was_asked(&request))
        stage_run(stage, 20);
    assert_string_equal(request.certificate, "a.example");
}

TEST_WITH(publish_setup, publish_teardown, a_helper_that_has_gone)
{
    struct certs_stage *stage = *state;

    publish_start(stage);
    stage_run(stage, 10);
    helper_leave();
    stage_run(stage, 10);
    assert_int_equal(stage_count_log(stage, "the helper has ended"), 1);
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    stage_await(stage, publish_is_second_there, "the file is another");
    while (stage_count_log(stage, "on_change was not there at start") == 0)
        stage_run(stage, 5);
}

static void on_idle(void *context)
{
    unsigned *count = context;
    (*count)++;
}

/* What has begun is ended; what comes later is the successor's. */
TEST_WITH(publish_setup, publish_teardown, retired)
{
    struct certs_stage *stage = *state;
    struct command_request request;
    unsigned idle = 0;

    publish_start(stage);
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    while (certs_is_idle(stage->certs))
        event_base_loop(stage->base, EVLOOP_ONCE);
    certs_retire(stage->certs, on_idle, &idle);
    assert_false(certs_is_idle(stage->certs));
    while (!certs_is_idle(stage->certs))
        event_base_loop(stage->base, EVLOOP_ONCE);
    assert_true(idle > 0);
    assert_true(publish_is_second_there(stage));
    assert_true(helper_was_asked(&request));
    unsigned long map = publish_map(stage);

    stage_write_combined(stage, "a.pem", &publish_issued[2]);
    while (stage_report(stage, 0).chains[0].not_after !=
           ISSUE_NOW + 52 * ISSUE_DAY)
        stage_run(stage, 5);
    stage_advance(stage, REFRESH_MAP_AGAIN_MS / 1000);
    stage_run(stage, 50);
    assert_true(publish_is_second_there(stage));
    assert_int_equal(publish_map(stage), map);
    assert_false(helper_was_asked(&request));
}

RUN_TESTS(publish_make_issued, publish_clear_issued)
