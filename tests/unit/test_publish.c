/*
 * test_publish.c - what happens to the file, the map and the command when a
 * certificate changes.
 */
#include "tests/unit/unit.h"

#include "common/certs/refresh_map.h"
#include "tests/unit/publish_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_all_done(struct certs_stage *stage)
{
    struct certs_report report = stage_report(stage, 0);
    return !report.default_chain.is_due && !report.refresh_map.is_due &&
           !report.on_change.is_due;
}

TEST_WITH(publish_setup, publish_teardown, at_start_it_is_there_at_once)
{
    struct certs_stage *stage = *state;
    struct command_request request;
    struct stat status;
    char path[256];

    stage_write_combined(stage, "a.pem", &publish_issued[0]);
    stage_configure(stage, publish_section);
    assert_true(stage_holds(stage, "tls/chain.pem", &publish_issued[0]));
    snprintf(path, sizeof path, "%s/tls/chain.pem", stage->dir.path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_not_equal(publish_map(stage), 0);
    assert_true(helper_was_asked(&request));
    assert_string_equal(request.certificate, "a.example");
    assert_string_equal(request.default_chain, path);
    assert_int_equal(strlen(request.fingerprints), 64);
    assert_int_equal(
        strtoll(request.not_after, NULL, 10), ISSUE_NOW + 50 * ISSUE_DAY);
    assert_int_equal(request.timeout_ms, 30000);
}

/* Once more two seconds later, a reload in between or not; then no more. */
TEST_WITH(publish_setup, publish_teardown, the_map_is_renamed_over_twice)
{
    struct certs_stage *stage = *state;

    publish_start(stage);
    unsigned long first = publish_map(stage);
    stage_configure(stage, publish_section);
    stage_advance(stage, REFRESH_MAP_AGAIN_MS / 1000 - 1);
    assert_int_equal(publish_map(stage), first);
    assert_false(publish_is_map_done(stage));
    stage_advance(stage, 1);
    stage_await(stage, is_all_done, "the second time");
    unsigned long second = publish_map(stage);
    assert_int_not_equal(second, first);
    /* Nothing is left for a successor, who goes by the dates. */
    publish_age(stage, "tls/chain.pem", REFRESH_MAP_AGAIN_MS / 1000);
    publish_restart(stage);
    assert_true(publish_is_map_done(stage));
    assert_int_equal(publish_map(stage), second);
}

TEST_WITH(publish_setup, publish_teardown, a_change_is_published)
{
    struct certs_stage *stage = *state;
    struct command_request request;

    publish_start(stage);
    unsigned long map = publish_map(stage);
    stage->now_s += 7;
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    stage_await(stage, publish_is_second_there, "the file is another");
    while (!helper_was_asked(&request))
        stage_run(stage, 5);
    assert_int_not_equal(publish_map(stage), map);
    struct certs_report report = stage_report(stage, 0);
    assert_int_equal(report.default_chain.done_s, ISSUE_NOW + 7);
    assert_int_equal(report.refresh_map.done_s, ISSUE_NOW + 7);
    assert_true(report.on_change.is_due);
    assert_int_equal(report.on_change.done_s, ISSUE_NOW);
    helper_reply("no such thing", 5000);
    stage_run(stage, 10);
    assert_true(stage_report(stage, 0).on_change.is_due);
    assert_int_equal(
        stage_count_log(stage, "no such thing; next attempt in 5000 ms"), 1);
    helper_reply("", 0);
    stage_run(stage, 10);
    assert_false(stage_report(stage, 0).on_change.is_due);
    assert_int_equal(stage_report(stage, 0).on_change.done_s, ISSUE_NOW + 7);
    helper_reply("worse", 0);
    stage_run(stage, 10);
    assert_int_equal(stage_count_log(stage, "worse; given up"), 1);
}

TEST_WITH(publish_setup, publish_teardown, a_folder_that_comes_back)
{
    struct certs_stage *stage = *state;
    char path[256], away[256];

    publish_start(stage);
    snprintf(path, sizeof path, "%s/tls", stage->dir.path);
    snprintf(away, sizeof away, "%s/away", stage->dir.path);
    assert_int_equal(rename(path, away), 0);
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    while (stage_count_log(stage, "next attempt in 1000 ms") == 0)
        stage_run(stage, 10);
    assert_true(stage_report(stage, 0).default_chain.is_due);
    /* Looking again in vain is not another attempt. */
    stage_look(stage);
    assert_int_equal(stage_count_log(stage, "next attempt"), 1);
    assert_int_equal(rename(away, path), 0);
    stage_advance(stage, 1);
    stage_await(stage, publish_is_second_there, "it is written after all");
}

TEST_WITH(publish_setup, publish_teardown, a_file_that_has_gone)
{
    struct certs_stage *stage = *state;
    char path[256];

    publish_start(stage);
    snprintf(path, sizeof path, "%s/tls/chain.pem", stage->dir.path);
    assert_int_equal(unlink(path), 0);
    stage_look(stage);
    while (!stage_holds(stage, "tls/chain.pem", &publish_issued[0]))
        stage_run(stage, 5);
}

TEST_WITH(publish_setup, publish_teardown, another_way_out)
{
    struct certs_stage *stage = *state;
    static const char other[] = "certificate \"a.example\" {\n"
                                "  source = \"combined:%s/a.pem\"\n"
                                "  default_chain = \"%s/tls/other.pem\"\n"
                                "}\n";

    publish_start(stage);
    stage_configure(stage, other);
    while (!stage_holds(stage, "tls/other.pem", &publish_issued[0]))
        stage_run(stage, 5);
}

/* Nobody can tell what was in use before the start. */
TEST_WITH(publish_setup, publish_teardown, without_a_file)
{
    struct certs_stage *stage = *state;
    struct command_request request;

    stage_write_combined(stage, "a.pem", &publish_issued[0]);
    stage_configure(stage, "certificate \"a.example\" {\n"
                           "  source = \"combined:%s/a.pem\"\n"
                           "  on_change = { \"/bin/true\" }\n"
                           "}\n");
    assert_false(helper_was_asked(&request));
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    while (!helper_was_asked(&request))
        stage_run(stage, 5);
    assert_string_equal(request.default_chain, "");
}

RUN_TESTS(publish_make_issued, publish_clear_issued)
