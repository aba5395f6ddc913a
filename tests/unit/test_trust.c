/*
 * test_trust.c - lists of proxies in files, and by name. No question leaves
 * this machine; what a name server may say is tests/integration's.
 */
#include "common/net/trust.h"
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/resolver.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct event_base *base;
static struct resolver *resolver;
static struct trust *trust;
static char path[64], source[80];

static void write_list(const char *text)
{
    char temporary[80];

    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(temporary, path), 0);
}

static bool has(const char *net)
{
    struct cidr cidr;
    struct error err;

    assert_true(cidr_parse(net, &cidr, &err));
    return trust_contains(trust, source, &cidr);
}

static void want(const char *text)
{
    trust_begin(trust);
    if (text != NULL)
        trust_want(trust, text);
    trust_end(trust);
}

/* Turns the loop until it is so; at most some seconds. */
static bool becomes(const char *net, bool expected)
{
    uint64_t end_ms = clock_monotonic_ms() + 4000;

    while (has(net) != expected && clock_monotonic_ms() < end_ms)
        event_base_loop(base, EVLOOP_ONCE);
    return has(net) == expected;
}

static int set_up(void **state);
static int tear_down(void **state);

TEST_WITH(set_up, tear_down, file_is_read_at_once)
{
    write_list("# proxies\n192.0.2.1\r\n\n  2001:db8::/64 # two\n10.1.0.0/16");
    want(source);
    assert_true(has("192.0.2.1"));
    assert_true(has("2001:db8::7"));
    assert_true(has("10.1.2.0/24"));
    assert_false(has("192.0.2.2"));
    assert_false(has("10.0.0.0/8"));
}

TEST_WITH(set_up, tear_down, file_is_followed)
{
    write_list("192.0.2.1\n");
    want(source);
    write_list("192.0.2.2\n");
    assert_true(becomes("192.0.2.2", true));
    assert_false(has("192.0.2.1"));
}

TEST_WITH(set_up, tear_down, last_good_list_stays)
{
    write_list("192.0.2.1\n");
    want(source);
    write_list("192.0.2.2\nnonsense\n");
    event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_ONCE);
    assert_true(has("192.0.2.1"));
    assert_false(has("192.0.2.2"));
    unlink(path);
    event_base_loop(base, EVLOOP_ONCE);
    assert_true(has("192.0.2.1"));
    write_list("192.0.2.3\n");
    assert_true(becomes("192.0.2.3", true));
}

/* Writes one list into `count` files, the i-th cut after i bytes. */
static void write_cuts(const char *whole, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        char *name = xprintf("%s-%zu", path, at);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(whole, 1, at, file), at);
        fclose(file);
        free(name);
    }
}

static void want_cuts(size_t count)
{
    trust_begin(trust);
    for (size_t at = 0; at < count; at++) {
        char *name = xprintf("%s-%zu", source, at);
        trust_want(trust, name);
        free(name);
    }
    trust_end(trust);
}

static bool cut_has(size_t at, const char *net)
{
    char *name = xprintf("%s-%zu", source, at);
    struct cidr cidr;
    struct error err;

    assert_true(cidr_parse(net, &cidr, &err));
    bool has = trust_contains(trust, name, &cidr);
    free(name);
    return has;
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    bool *is_over = context;

    *is_over = true;
}

/* Whatever a writer has come to at a look, the list lets in nobody whom the
 * whole one does not. All places at once: a look takes a second. */
TEST_WITH(set_up, tear_down, no_cut_list_is_obeyed)
{
    static const char first[] = "192.0.2.11\n";
    static const char whole[] =
        "# The proxies of this site, written in place by a program.\n"
        "192.0.2.1\n192.0.2.11 # old\n10.0.0.0/28\n64.0.0.0/24\n"
        "128.0.0.0/17\n2001:db8::/32 # the pods\n2001:db9:0:10::1\n"
        "198.51.100.250\n203.0.113.128/25\n\n# end of the list\n";
    static const char *const strangers[] = {"10.0.0.16", "64.0.1.1",
        "128.0.128.1", "2001:d00::1", "2001:db9::1", "192.0.2.2",
        "198.51.100.2", "198.51.100.25", "203.0.113.1"};
    const struct timeval two_looks = {.tv_sec = 2, .tv_usec = 500000};
    bool is_over = false;

    assert_true(sizeof whole > 200);
    for (size_t at = 0; at < sizeof whole; at++) {
        char *name = xprintf("%s-%zu", path, at);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        fputs(first, file);
        fclose(file);
        free(name);
    }
    want_cuts(sizeof whole);
    write_cuts(whole, sizeof whole);
    event_base_once(base, -1, EV_TIMEOUT, on_time, &is_over, &two_looks);
    while (!is_over)
        event_base_loop(base, EVLOOP_ONCE);
    for (size_t at = 0; at < sizeof whole; at++)
        for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
            if (cut_has(at, strangers[i]))
                fail_msg("%s, cut after %zu bytes", strangers[i], at);
    assert_true(cut_has(sizeof whole - 1, "203.0.113.200"));
    for (size_t at = 0; at < sizeof whole; at++) {
        char *name = xprintf("%s-%zu", path, at);
        unlink(name);
        free(name);
    }
}

/* Its writer has opened it anew, and is seen before the first line. */
TEST_WITH(set_up, tear_down, an_emptied_list_is_looked_at_twice)
{
    write_list("192.0.2.1\n");
    want(source);
    write_list("# none\n");
    event_base_loop(base, EVLOOP_ONCE);
    assert_true(has("192.0.2.1"));
    assert_true(becomes("192.0.2.1", false));
}

TEST_WITH(set_up, tear_down, file_may_come_later)
{
    want(source);
    assert_false(has("192.0.2.1"));
    write_list("192.0.2.1\n");
    assert_true(becomes("192.0.2.1", true));
}

/* In place, as long as before, and with the date that it had. */
TEST_WITH(set_up, tear_down, a_file_may_keep_its_date)
{
    struct stat before;

    write_list("192.0.2.1\n");
    want(source);
    assert_int_equal(stat(path, &before), 0);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fputs("192.0.2.2\n", file);
    fclose(file);
    const struct timespec dates[] = {before.st_atim, before.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, dates, 0), 0);
    assert_true(becomes("192.0.2.2", true));
}

/* Nobody writes into it: to open it would be to wait for ever. */
TEST_WITH(set_up, tear_down, a_pipe_is_not_waited_for)
{
    write_list("192.0.2.1\n");
    want(source);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(10);
    event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_ONCE);
    alarm(0);
    assert_true(has("192.0.2.1"));
}

TEST_WITH(set_up, tear_down, reload_keeps_and_forgets)
{
    write_list("192.0.2.1\n");
    want(source);
    unlink(path);
    want(source);
    assert_true(has("192.0.2.1"));
    want(NULL);
    assert_false(has("192.0.2.1"));
    want(source);
    assert_false(has("192.0.2.1"));
}

/* No question goes out: "localhost" is in /etc/hosts, and an address is
 * itself. */
TEST_WITH(set_up, tear_down, names)
{
    snprintf(source, sizeof source, "dns:localhost");
    want(source);
    assert_true(becomes("127.0.0.1", true));
    assert_false(has("192.0.2.1"));
    snprintf(source, sizeof source, "dns:192.0.2.1");
    want(source);
    assert_true(becomes("192.0.2.1", true));
}

/* The question is still under way when it is no longer of interest. */
TEST_WITH(set_up, tear_down, a_question_may_be_given_up)
{
    want("dns:no-such-name.invalid");
    want(NULL);
    want("dns:no-such-name.invalid");
}

static int set_up(void **state)
{
    struct error err;

    log_open("file:/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "test", &err);
    base = event_base_new();
    resolver = resolver_new(NULL, NULL);
    resolver_use(resolver, base);
    trust = trust_new(base, resolver);
    snprintf(path, sizeof path, "/tmp/tollgate-test-%d", (int)getpid());
    snprintf(source, sizeof source, "file:%s", path);
    return 0;
}

static int tear_down(void **state)
{
    trust_free(&trust);
    resolver_free(&resolver);
    event_base_free(base);
    unlink(path);
    return 0;
}

RUN_TESTS(NULL, NULL)
