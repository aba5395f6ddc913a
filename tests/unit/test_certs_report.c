/*
 * test_certs_report.c - what people are told of the certificates in use.
 */
#include "tests/unit/unit.h"

#include "tests/unit/certs_stage.h"

#include <stdio.h>
#include <string.h>

static const char sections[] = "certificate \"a.example\" {\n"
                               "  source = \"combined:%s/a.pem\"\n"
                               "  default_chain = \"%s/default.pem\"\n"
                               "  refresh_map = \"%s/refresh.cdb\"\n"
                               "  on_change = { \"/bin/true\", \"x\" }\n"
                               "}\n"
                               "certificate \"b.example\" {\n"
                               "  source = \"combined:%s/b.pem\"\n"
                               "  sni = false\n"
                               "  default_chain = \"%s/b-chain.pem\"\n"
                               "}\n";

static struct issued issue_for(const char *names, long ends_in_days)
{
    return issue(&(struct issue){
        .key = "EC:P-256", .names = names, .ends_in_days = ends_in_days});
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, what_is_in_use)
{
    struct certs_stage *stage = *state;
    struct issued one = issue_for("DNS:A.example,DNS:b.a.example", 50);
    char path[256];

    stage_write_combined(stage, "a.pem", &one);
    stage_configure(stage, sections);
    struct certs_report report = stage_report(stage, 0);
    assert_string_equal(report.title, "a.example");
    snprintf(path, sizeof path, "combined:%s/a.pem", stage->dir.path);
    assert_string_equal(report.source, path);
    assert_null(report.problem);
    assert_int_equal(report.looked_s, ISSUE_NOW);
    assert_true(report.has_sni);
    assert_int_equal(report.chain_count, 1);
    const struct certs_chain *chain = &report.chains[0];
    assert_string_equal(chain->key_type, "ECDSA");
    assert_int_equal(chain->key_bits, 256);
    assert_string_equal(chain->names[0], "a.example");
    assert_string_equal(chain->names[1], "b.a.example");
    assert_null(chain->names[2]);
    assert_int_equal(strlen(chain->fingerprint), 64);
    assert_int_equal(chain->not_before, ISSUE_NOW - 30 * ISSUE_DAY);
    assert_int_equal(chain->not_after, ISSUE_NOW + 50 * ISSUE_DAY);
    assert_string_equal(chain->found_at, path + strlen("combined:"));
    assert_int_equal(chain->since_s, ISSUE_NOW);
    issued_clear(&one);
}

/* The second section has nothing to serve, and the list ends with it. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, nothing_in_use)
{
    struct certs_stage *stage = *state;
    struct certs_report report;

    stage_configure(stage, sections);
    report = stage_report(stage, 1);
    assert_string_equal(report.title, "b.example");
    assert_false(report.has_sni);
    assert_int_equal(report.chain_count, 0);
    assert_non_null(strstr(report.problem, "b.pem: No such file"));
    assert_int_equal(report.default_chain.done_s, 0);
    assert_false(report.default_chain.is_due);
    assert_string_equal(report.refresh_map.target, "");
    assert_string_equal(report.on_change.target, "");
    assert_false(certs_report(stage->certs, 2, &report));
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, where_it_went)
{
    struct certs_stage *stage = *state;
    struct issued one = issue_for("DNS:a.example", 50);
    char path[256];

    stage_write_combined(stage, "a.pem", &one);
    stage_configure(stage, sections);
    struct certs_report report = stage_report(stage, 0);
    snprintf(path, sizeof path, "%s/default.pem", stage->dir.path);
    assert_string_equal(report.default_chain.target, path);
    assert_int_equal(report.default_chain.done_s, ISSUE_NOW);
    assert_false(report.default_chain.is_due);
    assert_int_equal(report.refresh_map.done_s, ISSUE_NOW);
    assert_true(report.refresh_map.is_due); /* a second time */
    /* There is no helper here. */
    assert_string_equal(report.on_change.target, "/bin/true");
    assert_int_equal(report.on_change.done_s, 0);
    issued_clear(&one);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, all_sources_are_read)
{
    struct certs_stage *stage = *state;
    struct issued one = issue_for("DNS:a.example", 50),
                  two = issue_for("DNS:b.example", 50);

    stage_configure(stage, sections);
    stage_write_combined(stage, "a.pem", &one);
    stage_write_combined(stage, "b.pem", &two);
    stage->now_s += 5;
    stage_look(stage);
    for (size_t i = 0; i < 2; i++) {
        struct certs_report report = stage_report(stage, i);
        assert_null(report.problem);
        assert_int_equal(report.chain_count, 1);
        assert_int_equal(report.looked_s, ISSUE_NOW + 5);
        assert_int_equal(report.chains[0].since_s, ISSUE_NOW + 5);
    }
    /* The same again is no change. */
    stage->now_s += 5;
    stage_look(stage);
    assert_int_equal(stage_report(stage, 0).looked_s, ISSUE_NOW + 10);
    assert_int_equal(stage_report(stage, 0).chains[0].since_s, ISSUE_NOW + 5);
    issued_clear(&one);
    issued_clear(&two);
}

static void on_done(void *context)
{
    unsigned *count = context;
    (*count)++;
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, who_has_gone_is_not_told)
{
    struct certs_stage *stage = *state;
    unsigned stays = 0, goes = 0, never = 0;

    stage_configure(stage, sections);
    certs_look_now(stage->certs, on_done, &stays);
    certs_look_now(stage->certs, on_done, &goes);
    certs_look_now(stage->certs, on_done, &stays);
    certs_forget(stage->certs, &goes);
    certs_forget(stage->certs, &never);
    stage_look(stage);
    assert_int_equal(stays, 2);
    assert_int_equal(goes, 0);
    /* Nor when everything ends before. */
    certs_look_now(stage->certs, on_done, &goes);
    certs_free(&stage->certs);
    stage_run(stage, 1);
    assert_int_equal(goes, 0);
}

RUN_TESTS(NULL, NULL)
