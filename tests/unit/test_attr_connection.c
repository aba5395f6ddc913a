/*
 * test_attr_connection.c - a scripted session on one end of a socketpair, a
 * badly behaved Postfix on the other.
 */
#include "common/base/log.h"
#include "policyd/attr_batch.h"
#include "policyd/attr_scan.h"
#include "tests/unit/attr_peer.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
    *state = event_base_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    event_base_free(*state);
    return 0;
}

TEST_WITH(setup, teardown, answers_whole_requests)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    attr_peer_send_text(&s, "a=1\nb=\nc=x=y\n\n");
    attr_peer_expect(&s, "ok\n\n");
    attr_peer_send_text(&s, "d=2\n\n");
    attr_peer_expect(&s, "ok\n\n");
    assert_string_equal(s.seen, "a=1;b=;c=x=y;.d=2;.");
    assert_int_equal(s.closes, 0);
    assert_int_equal(attr_connection_peer_pid(s.connection), getpid());
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, joins_parts_at_every_place)
{
    static const char text[] = "name=value\nother=\n\n";

    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct attr_peer s;
        attr_peer_open(&s, *state);
        assert_true(attr_connection_is_idle(s.connection));
        attr_peer_send(&s, text, cut);
        assert_false(attr_connection_is_idle(s.connection));
        attr_peer_expect(&s, "");
        attr_peer_send_text(&s, text + cut);
        attr_peer_expect(&s, "ok\n\n");
        assert_true(attr_connection_is_idle(s.connection));
        assert_string_equal(s.seen, "name=value;other=;.");
        attr_peer_close(&s);
    }
}

TEST_WITH(setup, teardown, joins_single_bytes)
{
    static const char text[] = "name=value\nother=\n\n";
    struct attr_peer s;

    attr_peer_open(&s, *state);
    for (size_t i = 0; i < sizeof text - 1; i++)
        attr_peer_send(&s, text + i, 1);
    attr_peer_expect(&s, "ok\n\n");
    assert_string_equal(s.seen, "name=value;other=;.");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, closes_on_broken_form)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"a\0b=1\n\n", 7},          /* NUL in a name */
        {"a=1\n\0", 5},             /* NUL in an unfinished line */
        {"a=1\n\n\0", 6},           /* NUL after the request */
        {"nonsense\n\n", 10},       /* no '=' */
        {"=1\n\n", 4},              /* no name */
        {"bad=1\n\n", 7},           /* the session says so */
        {"a=1\n\nb=2\n\n", 10},     /* two requests */
        {"a=1\n\nb", 6},            /* more than one */
        {"GET / HTTP/1.1\r\n", 16}, /* another protocol */
        {"\xff\xfe\n", 3},          /* no text at all */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct attr_peer s, other;
        attr_peer_open(&other, *state);
        attr_peer_open(&s, *state);
        attr_peer_send_text(&other, "a=");
        attr_peer_send(&s, cases[i].bytes, cases[i].len);
        assert_int_equal(s.requests, 0);
        assert_int_equal(s.closes, 1);
        assert_int_equal(s.malformed, 1);
        attr_peer_expect(&s, "EOF");

        attr_peer_send_text(&other, "1\n\n");
        attr_peer_expect(&other, "ok\n\n");
        attr_peer_close(&s);
        attr_peer_close(&other);
    }
}

TEST_WITH(setup, teardown, closes_on_a_bad_request)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    s.answer = ANSWER_REASON;
    attr_peer_send_text(&s, "a=1\n\n");
    assert_int_equal(s.requests, 1);
    assert_true(s.closes == 1 && s.malformed == 1);
    attr_peer_expect(&s, "EOF");
    attr_peer_close(&s);
}

/* Lines of line_len bytes, count of them, then the empty line. */
static void check_size(
    void **state, size_t line_len, size_t count, bool is_allowed)
{
    struct attr_peer s;
    size_t len = (line_len + 1) * count + 1;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, 'x', len);
    for (size_t i = 0; i < count; i++) {
        text[i * (line_len + 1) + 1] = '=';
        text[i * (line_len + 1) + line_len] = '\n';
    }
    text[len - 1] = '\n';

    attr_peer_open(&s, *state);
    attr_peer_send(&s, text, len);
    assert_int_equal(s.requests, is_allowed ? 1 : 0);
    assert_int_equal(s.closes, is_allowed ? 0 : 1);
    assert_int_equal(s.malformed, is_allowed ? 0 : 1);
    attr_peer_expect(&s, is_allowed ? "ok\n\n" : "EOF");
    attr_peer_close(&s);
    free(text);
}

TEST_WITH(setup, teardown, bounds_lines_and_requests)
{
    check_size(state, ATTR_LINE_MAX, 1, true);
    check_size(state, ATTR_LINE_MAX + 1, 1, false);
    check_size(state, 1 << 20, 1, false);
    check_size(state, ATTR_LINE_MAX, 15, true);
    /* 1024 lines of 64 bytes with their newlines: one too many for the
     * empty line. */
    check_size(state, 63, 1023, true);
    check_size(state, 63, 1024, false);
    check_size(state, 7, 100000, false);
}

TEST_WITH(setup, teardown, waits_for_a_late_answer)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    s.answer = ANSWER_LATER;
    attr_peer_send_text(&s, "a=1\n\n");
    assert_int_equal(s.requests, 1);
    assert_false(attr_connection_is_idle(s.connection));
    attr_peer_expect(&s, "");
    attr_connection_reply(s.connection, "late\n\n", 6);
    assert_true(attr_connection_is_idle(s.connection));
    attr_peer_run(&s);
    attr_peer_expect(&s, "late\n\n");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, sends_its_answer_before_it_closes)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    s.answer = ANSWER_LATER;
    attr_peer_send_text(&s, "a=1\n\n");
    attr_connection_reply(s.connection, "late\n\n", 6);
    attr_connection_free(&s.connection);
    attr_peer_expect(&s, "late\n\nEOF");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, closes_on_bytes_before_the_answer)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    s.answer = ANSWER_LATER;
    attr_peer_send_text(&s, "a=1\n\n");
    attr_peer_send_text(&s, "b=2\n\n");
    assert_int_equal(s.requests, 1);
    assert_true(s.closes == 1 && s.malformed == 1);
    attr_peer_expect(&s, "EOF");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, notices_that_the_peer_left)
{
    static const char *const before[] = {"", "a=", "a=1\n", "a=1\n\n"};

    for (size_t i = 0; i < COUNT(before); i++) {
        struct attr_peer s;
        attr_peer_open(&s, *state);
        s.answer = ANSWER_LATER;
        attr_peer_send_text(&s, before[i]);
        close(s.peer);
        s.peer = -1;
        attr_peer_run(&s);
        assert_int_equal(s.closes, 1);
        assert_int_equal(s.malformed, 0);
        attr_peer_close(&s);
    }
}

static void drip(evutil_socket_t fd, short what, void *context)
{
    struct attr_peer *s = context;

    (void)send(s->peer, "x", 1, MSG_NOSIGNAL);
    if (s->closes > 0)
        event_base_loopbreak(s->base);
}

/* A byte now and then does not buy more time. */
TEST_WITH(setup, teardown, closes_a_slow_drip)
{
    struct timeval often = {.tv_usec = 10000};
    struct attr_peer s;

    attr_peer_open(&s, *state);
    struct event *timer = event_new(s.base, -1, EV_PERSIST, drip, &s);
    event_add(timer, &often);
    event_base_dispatch(s.base);
    event_free(timer);
    assert_true(s.closes == 1 && s.malformed == 1);
    assert_int_equal(s.requests, 0);
    attr_peer_close(&s);
}

static void end_loop(evutil_socket_t fd, short what, void *context)
{
    event_base_loopbreak(context);
}

/* The deadline is a request's: it ends with it, and idling has none. */
TEST_WITH(setup, teardown, leaves_an_idle_peer_alone)
{
    struct timeval beyond = {.tv_usec = 450000};
    struct attr_peer s;

    attr_peer_open(&s, *state);
    attr_peer_send_text(&s, "a=");
    attr_peer_send_text(&s, "1\n\n");
    event_base_once(s.base, -1, EV_TIMEOUT, end_loop, s.base, &beyond);
    event_base_dispatch(s.base);
    assert_int_equal(s.closes, 0);
    attr_peer_expect(&s, "ok\n\n");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, may_be_freed_in_a_request)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    s.answer = ANSWER_FREE;
    attr_peer_send_text(&s, "a=1\n\n");
    assert_null(s.connection);
    assert_int_equal(s.closes, 0);
    attr_peer_expect(&s, "EOF");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, closes_a_peer_that_does_not_read)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    for (int i = 0; i < 100000 && s.closes == 0; i++)
        attr_peer_send_text(&s, "a=1\n\n");
    assert_int_equal(s.closes, 1);
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, greets_first)
{
    struct attr_peer s;

    attr_peer_open(&s, *state);
    attr_connection_greet(s.connection, "hello\n\n", 7);
    attr_peer_expect(&s, "hello\n\n");
    assert_true(attr_connection_is_idle(s.connection));
    attr_peer_send_text(&s, "a=1\n\n");
    attr_peer_expect(&s, "ok\n\n");
    attr_peer_close(&s);
}

TEST_WITH(setup, teardown, knows_no_pid_over_inet)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct attr_peer s = {.base = *state, .round = attr_batch_new(*state)};

    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(
        getsockname(listener, (struct sockaddr *)&address, &len), 0);
    s.peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(s.peer, (struct sockaddr *)&address, len), 0);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    s.connection = attr_connection_new(s.round, fd, &attr_peer_events, &s);
    assert_int_equal(attr_connection_peer_pid(s.connection), 0);
    attr_peer_close(&s);
    close(listener);
}

/* One line: who, why, and what was seen, with nothing that could forge. */
TEST_WITH(setup, teardown, logs_one_clear_line)
{
    char path[] = "/tmp/test_attr_connection.XXXXXX", target[64], line[512];
    char expected[64];
    struct error err;
    struct attr_peer s;

    int fd = mkstemp(path);
    assert_true(fd != -1);
    assert_true(snprintf(target, sizeof target, "file:%s", path) > 0);
    assert_true(
        log_open(target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err));
    attr_peer_open(&s, *state);
    attr_peer_send_text(&s, "x\033[31m\rtollgate: all is well\n\n");
    attr_peer_close(&s);
    assert_true(
        log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err));

    ssize_t len = read(fd, line, sizeof line - 1);
    close(fd);
    unlink(path);
    assert_true(len > 0);
    line[len] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_true(
        snprintf(expected, sizeof expected, "pid=%ld ", (long)getpid()) > 0);
    assert_non_null(strstr(line, "malformed face=test "));
    assert_non_null(strstr(line, expected));
    assert_non_null(strstr(line, "reason=\"line without '='\""));
    assert_null(strpbrk(line, "\033\r"));
}

RUN_TESTS(NULL, NULL)
