/*
 * test_certs.c - when sources are looked at, what a name gets, and what is
 * said of an end that comes near.
 */
#include "tests/unit/unit.h"

#include "common/certs/watch.h"
#include "tests/unit/certs_stage.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct issued issue_for(const char *names, long ends_in_days)
{
    return issue(&(struct issue){
        .key = "EC:P-256", .names = names, .ends_in_days = ends_in_days});
}

static void write_and_clear(
    struct certs_stage *stage, const char *name, struct issued one)
{
    stage_write_combined(stage, name, &one);
    issued_clear(&one);
}

static bool has_two(struct certs_stage *stage)
{
    return certs_find(stage->certs, "two.example", &(size_t){0}) != NULL;
}

static bool is_right(struct certs_stage *stage)
{
    return stage_report(stage, 0).problem == NULL;
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, a_change_is_noticed)
{
    struct certs_stage *stage = *state;

    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 50));
    stage_configure(stage,
        "certificate \"one.example\" { source = \"combined:%s/a.pem\" }");
    assert_false(has_two(stage));
    write_and_clear(
        stage, "a.pem", issue_for("DNS:one.example,DNS:two.example", 60));
    stage_await(stage, has_two, "the new one is served");
    assert_int_equal(stage_count_log(stage, "warn"), 0);
}

/* Not even where the system would keep one. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, no_key_in_a_core)
{
    struct certs_stage *stage = *state;
    int status;

    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 50));
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
        stage_configure(stage,
            "certificate \"one.example\" { source = \"combined:%s/a.pem\" }");
        if (chdir(stage->dir.path) == -1 ||
            (setrlimit(RLIMIT_CORE, &any) == -1 && geteuid() == 0) ||
            prctl(PR_GET_DUMPABLE) != 0)
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        kill(getpid(), SIGABRT);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_false(WCOREDUMP(status));
}

/* Another folder in the place of one above: not every folder is watched. */
TEST_WITH(
    certs_stage_setup, certs_stage_teardown, what_nobody_sees_is_polled_for)
{
    struct certs_stage *stage = *state;
    char here[256], first[256], second[256];

    write_and_clear(stage, "here/in/a.pem", issue_for("DNS:one.example", 50));
    write_and_clear(stage, "second/in/a.pem",
        issue_for("DNS:one.example,DNS:two.example", 60));
    snprintf(here, sizeof here, "%s/here", stage->dir.path);
    snprintf(first, sizeof first, "%s/first", stage->dir.path);
    snprintf(second, sizeof second, "%s/second", stage->dir.path);
    stage_configure(stage,
        "certificate \"one.example\" { source = \"combined:%s/here/in/a.pem\" "
        "}");
    stage_run(stage, 2 * WATCH_GATHER_MS); /* what is new is looked at again */
    stage_look(stage);                     /* and that is over */
    assert_int_equal(rename(here, first), 0);
    assert_int_equal(rename(second, here), 0);
    stage_advance(stage, 1);
    stage_advance(stage, 57);
    assert_false(has_two(stage));
    stage_advance(stage, 3);
    stage_await(stage, has_two, "the new one is served");
}

/* Said only when it stays, and once; and that it is over. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, a_fault_is_said_once)
{
    struct certs_stage *stage = *state;

    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 50));
    stage_configure(stage,
        "certificate \"one.example\" { source = \"combined:%s/a.pem\" }");
    stage_write(stage, "a.pem", "x", 1);
    while (stage_report(stage, 0).problem == NULL)
        stage_run(stage, 10);
    assert_int_equal(stage_count_log(stage, "warn"), 0);
    for (unsigned s = 1; s < 10; s++)
        stage_advance(stage, s);
    assert_int_equal(
        stage_count_log(stage, "no certificate in it; the one in use stays"),
        1);
    /* Loud, but the same. */
    stage_look(stage);
    assert_int_equal(stage_count_log(stage, "warn"), 1);
    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 60));
    stage_await(stage, is_right, "nothing is wrong any more");
    assert_int_equal(stage_count_log(stage, "nothing is wrong at"), 1);
}

static const struct {
    const char *name;
    char served; /* the section; 0: NOTFOUND */
} names[] = {
    {"mail.example.com", 'm'}, /* its own name before the wildcard */
    {"other.example.com", 'w'},
    {"also.example.net", 'm'}, /* named by the certificate alone */
    {"a.b.example.com", 0},
    {"example.com", 0},
    {"hidden.example.org", 0}, /* sni = false */
    {".example.com", 0},
    {"", 0},
};

TEST_WITH(certs_stage_setup, certs_stage_teardown, what_a_name_gets)
{
    struct certs_stage *stage = *state;

    write_and_clear(stage, "w.pem", issue_for("DNS:*.example.com", 90));
    write_and_clear(stage, "m.pem",
        issue_for("DNS:mail.example.com,DNS:also.example.net", 50));
    write_and_clear(stage, "h.pem", issue_for("DNS:hidden.example.org", 50));
    stage_configure(stage,
        "certificate \"*.example.com\" { source = \"combined:%s/w.pem\" }"
        "certificate \"mail.example.com\" { source = \"combined:%s/m.pem\" }"
        "certificate \"hidden.example.org\" { source = \"combined:%s/h.pem\" "
        "sni = false default_chain = \"%s/chain.pem\" }");
    size_t wildcard_len, mail_len, len;
    const char *wildcard =
        certs_find(stage->certs, "any.example.com", &wildcard_len);
    const char *mail = certs_find(stage->certs, "mail.example.com", &mail_len);
    assert_ptr_not_equal(wildcard, mail);
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *reply = certs_find(stage->certs, names[i].name, &len);
        const char *expected = names[i].served == 'm'   ? mail
                               : names[i].served == 'w' ? wildcard
                                                        : NULL;
        if (reply != expected)
            fail_msg("%s", names[i].name);
    }
    /* A netstring: "LENGTH:OK BASE64,". */
    assert_int_equal(
        strtoul(mail, NULL, 10) + (size_t)(strchr(mail, ':') + 2 - mail),
        mail_len);
    assert_int_equal(mail[mail_len - 1], ',');
}

/* Of sections by title: what is in use stays through a reload, even one that
 * finds nothing at a new source. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, a_reload)
{
    struct certs_stage *stage = *state;

    write_and_clear(
        stage, "a.pem", issue_for("DNS:one.example,DNS:two.example", 50));
    stage_configure(stage,
        "certificate \"one.example\" { source = \"combined:%s/a.pem\" }");
    stage_configure(stage,
        "certificate \"one.example\" { source = \"combined:%s/b.pem\" }"
        "certificate \"new.example\" { source = \"combined:%s/a.pem\" }");
    assert_true(has_two(stage));
    stage_look(stage);
    assert_true(has_two(stage));
    assert_int_equal(
        stage_count_log(stage, "b.pem: No such file or directory; the one"), 1);
    assert_int_equal(
        stage_count_log(stage, "no certificate there covers new.example"), 1);
    /* From another source an older one may come. */
    write_and_clear(stage, "b.pem", issue_for("DNS:one.example", 20));
    stage_look(stage);
    assert_false(has_two(stage));
    stage_configure(stage, "# none\n");
    assert_null(certs_find(stage->certs, "one.example", &(size_t){0}));
    assert_false(
        certs_report(stage->certs, 0, &(struct certs_report){.title = ""}));
}

/* In the middle of a look. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, a_reload_during_a_look)
{
    struct certs_stage *stage = *state;
    static const char one[] =
        "certificate \"one.example\" { source = \"combined:%s/a.pem\" }"
        "certificate \"two.example\" { source = \"combined:%s/b.pem\" }";

    stage_configure(stage, one);
    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 50));
    write_and_clear(stage, "b.pem", issue_for("DNS:two.example", 50));
    for (int i = 0; i < 3; i++) {
        stage_configure(stage, i % 2 == 0 ? one : "# none\n");
        event_base_loop(stage->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    stage_look(stage);
    assert_true(has_two(stage));
}

static size_t count_chains(struct certs_stage *stage)
{
    return stage_report(stage, 0).chain_count;
}

static bool has_one_chain(struct certs_stage *stage)
{
    return count_chains(stage) == 1;
}

/* A source that is gone, or was emptied, is waited for; then it is no matter,
 * as long as another has something. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, a_source_of_two_goes)
{
    struct certs_stage *stage = *state;
    struct issued rsa =
        issue(&(struct issue){.key = "RSA:2048", .names = "DNS:one.example"});
    char path[256];

    snprintf(path, sizeof path, "%s/rsa.pem", stage->dir.path);
    write_and_clear(stage, "ec.pem", issue_for("DNS:one.example", 50));
    for (int is_emptied = 0; is_emptied < 2; is_emptied++) {
        stage_write_combined(stage, "rsa.pem", &rsa);
        stage_configure(stage, "certificate \"one.example\" { source = { "
                               "\"combined:%s/rsa.pem\", "
                               "\"combined:%s/ec.pem\" } }");
        stage_look(stage);
        assert_int_equal(count_chains(stage), 2);
        if (is_emptied)
            stage_write(stage, "rsa.pem", "", 0);
        else
            assert_int_equal(unlink(path), 0);
        stage_look(stage);
        stage->now_s += 9;
        stage_look(stage);
        assert_int_equal(count_chains(stage), 2);
        stage->now_s += 2;
        for (unsigned s = 1; s < 10; s++)
            stage_advance(stage, s); /* nobody has to say that time is up */
        stage_await(stage, has_one_chain, "RSA is given up");
        assert_null(stage_report(stage, 0).problem);
    }
    assert_int_equal(
        stage_count_log(stage, "the RSA chain is served no more"), 2);
    assert_int_equal(stage_count_log(stage, "warn"), 0);
    stage_write(stage, "ec.pem", "", 0);
    stage_look(stage);
    assert_non_null(strstr(stage_report(stage, 0).problem, "rsa.pem: empty"));
    assert_int_equal(count_chains(stage), 1);
    issued_clear(&rsa);
}

/* days: until the end; warned: how often it has been by then. */
static const struct {
    long hours;
    size_t warned;
} hours[] = {
    {0, 0},
    {24 * 5, 0},
    {24 * 6 + 1, 1},
    {24 * 6 + 2, 1},
    {24 * 7, 1},
    {24 * 7 + 1, 2},
    {24 * 7 + 20, 2},
    {24 * 8 + 1, 3},
    {24 * 20 - 1, 4},
};

TEST_WITH(certs_stage_setup, certs_stage_teardown, an_end_is_warned_about_daily)
{
    struct certs_stage *stage = *state;

    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 20));
    stage_configure(stage,
        "certificate_expiry_warning = \"14d\"\n"
        "certificate \"one.example\" { source = \"combined:%s/a.pem\" }");
    for (size_t i = 0; i < COUNT(hours); i++) {
        stage->now_s = ISSUE_NOW + hours[i].hours * 3600;
        stage_look(stage);
        if (stage_count_log(stage, " expires in ") != hours[i].warned)
            fail_msg("after %ld hours", hours[i].hours);
    }
    stage->now_s = ISSUE_NOW + 21 * ISSUE_DAY;
    stage_look(stage);
    assert_int_equal(stage_count_log(stage, "in use has expired"), 1);
    assert_true(certs_find(stage->certs, "one.example", &(size_t){0}) != NULL);
    /* A new one is good again, and a new one that ends soon is not. */
    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 60));
    stage_look(stage);
    stage->now_s += 2 * ISSUE_DAY;
    stage_look(stage);
    assert_int_equal(stage_count_log(stage, "has expired"), 1);
    assert_int_equal(stage_count_log(stage, " expires in "), 4);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, metrics)
{
    struct certs_stage *stage = *state;
    struct evbuffer *out = evbuffer_new();

    stage_configure(stage, "# none\n");
    certs_write_metrics(stage->certs, out);
    assert_int_equal(evbuffer_get_length(out), 0);
    write_and_clear(stage, "a.pem", issue_for("DNS:one.example", 20));
    stage_configure(stage,
        "certificate \"one.example\" { source = \"combined:%s/a.pem\" }"
        "certificate \"two.example\" { source = \"combined:%s/b.pem\" }");
    stage_look(stage);
    certs_write_metrics(stage->certs, out);
    evbuffer_add(out, "", 1);
    const char *text = (const char *)evbuffer_pullup(out, -1);
    static const char *const lines[] = {
        "\ntollgate_certificate_not_after_seconds{certificate=\"one.example\","
        "algorithm=\"ECDSA\"} 1801728000\n",
        "\ntollgate_certificate_source_problem{certificate=\"one.example\"} "
        "0\n",
        "\ntollgate_certificate_source_problem{certificate=\"two.example\"} "
        "1\n",
        "\ntollgate_certificate_failures_total{certificate=\"two.example\"} "
        "0\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no %s in %s", lines[i], text);
    evbuffer_free(out);
}

RUN_TESTS(NULL, NULL)
