/*
 * test_http.c - requests as bytes on a real socket, answers as bytes back.
 *
 * The server runs in a child process, so that the test can simply block.
 */
#include "common/net/http.h"
#include "tests/unit/net_helper.h"
#include "tests/unit/unit.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint16_t port;
static pid_t server_pid;

static int handle_metrics(struct evbuffer *body, void *context)
{
    evbuffer_add_printf(body, "metric %s\n", (const char *)context);
    return 200;
}

static int handle_ready(struct evbuffer *body, void *context)
{
    evbuffer_add_printf(body, "draining\n");
    return 503;
}

static const struct http_route routes[] = {
    {"/metrics", "text/plain; version=0.0.4", NULL, handle_metrics, true, NULL},
    {"/readyz", "text/plain", "X-More: yes\r\n", handle_ready, false, NULL},
    {0},
};

static int handle_page(struct evbuffer *body, void *context)
{
    evbuffer_add_printf(body, "page of %s\n", (const char *)context);
    return 200;
}

static const struct http_route pages[] = {
    {"/", "text/html", "Referrer-Policy: no-referrer\r\n", handle_page, false,
        NULL},
    {0},
};

static void server_on_term(evutil_socket_t number, short what, void *context)
{
    event_base_loopbreak(context);
}

static int server_main(const char *address, int ready_fd)
{
    static char context[] = "42", people[] = "people";
    struct error err;
    struct event_base *base = event_base_new();
    struct event *term = evsignal_new(base, SIGTERM, server_on_term, base);
    struct http_server *server =
        http_server_new(base, address, routes, context, &err);
    if (server == NULL)
        (void)fprintf(stderr, "%s\n", err.text);
    else
        http_server_show(server, pages, people);
    if (server == NULL || event_add(term, NULL) != 0 ||
        write(ready_fd, "r", 1) != 1)
        return 1;
    event_base_dispatch(base);
    http_server_free(&server);
    event_free(term);
    event_base_free(base);
    return 0;
}

static int server_setup(void **state)
{
    char address[40], byte;
    int ready[2];
    port = free_port();
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    assert_int_equal(pipe(ready), 0);
    server_pid = fork();
    assert_int_not_equal(server_pid, -1);
    if (server_pid == 0)
        exit(server_main(address, ready[1])); /* exit: LeakSanitizer looks */
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return 0;
}

/* Whatever a test did to it, the server ends cleanly. */
static int server_teardown(void **state)
{
    int status;
    assert_int_equal(kill(server_pid, SIGTERM), 0);
    assert_int_equal(waitpid(server_pid, &status, 0), server_pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return 0;
}

static int visit(void)
{
    int fd = connect_inet("127.0.0.1", "127.0.0.1", port);
    assert_int_not_equal(fd, -1);
    return fd;
}

/* Until the server closes; answer is NUL-terminated. */
static void read_all(int fd, char *answer, size_t size)
{
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, answer + len, size - 1 - len)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
}

static void ask(const char *request, char *answer, size_t size)
{
    int fd = visit();
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    read_all(fd, answer, size);
}

TEST(answers_as_the_table_says)
{
    static const struct {
        const char *request, *status, *end;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
            "\r\n\r\nmetric 42\n"},
        {"GET /metrics?x=/readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
            "\r\n\r\nmetric 42\n"},
        {"GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ",
            "\r\n\r\nmetric 42\n"},
        {"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
            "\r\n\r\n"},
        {"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ",
            "\r\n\r\ndraining\n"},
        {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ",
            "\r\n\r\nNot Found\n"},
        {"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ",
            "\r\n\r\nNot Found\n"},
        {"GET /../metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ",
            "\r\n\r\nNot Found\n"},
        {"PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 405 ", "\r\n\r\nMethod Not Allowed\n"},
        {"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ",
            "\r\n\r\nMethod Not Allowed\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ",
            "\r\n\r\nMethod Not Allowed\n"},
    };
    char answer[4096];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(cases[i].request, answer, sizeof answer);
        size_t len = strlen(answer), end = strlen(cases[i].end);
        if (strncmp(answer, cases[i].status, strlen(cases[i].status)) != 0 ||
            len < end || strcmp(answer + len - end, cases[i].end) != 0)
            fail_msg("%s gave %s", cases[i].request, answer);
        assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(answer, "\r\nCache-Control: no-store\r\n"));
        assert_non_null(
            strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
    }
    ask(cases[0].request, answer, sizeof answer);
    assert_non_null(
        strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4\r\n"));
    ask(cases[3].request, answer, sizeof answer);
    assert_non_null(strstr(answer, "\r\nContent-Length: 10\r\n"));
    ask(cases[8].request, answer, sizeof answer);
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
}

TEST(shows_pages_to_those_who_mean_us)
{
    static const struct {
        const char *host, *status;
    } hosts[] = {
        {"Host: 127.0.0.1:9309\r\n", "HTTP/1.1 200 "},
        {"Host: 192.0.2.7\r\n", "HTTP/1.1 200 "},
        {"hOST:\t[::1]:9309\r\n", "HTTP/1.1 200 "},
        {"Host: LocalHost:80\r\n", "HTTP/1.1 200 "},
        {"Host: evil.example\r\n", "HTTP/1.1 421 "},
        {"Host: localhost.evil.example\r\n", "HTTP/1.1 421 "},
        {"Host: 127.0.0.1.evil.example\r\n", "HTTP/1.1 421 "},
        {"Host: 127.0.0.1:80:80\r\n", "HTTP/1.1 421 "},
        {"Host: [::1\r\n", "HTTP/1.1 421 "},
        {"Host: localhost:\r\n", "HTTP/1.1 421 "},
        {"X-Host: localhost\r\n", "HTTP/1.1 421 "},
        {"", "HTTP/1.1 421 "},
        {"Host: localhost\r\nHost: evil.example\r\n", "HTTP/1.1 400 "},
        {"Host: a b\r\n", "HTTP/1.1 400 "},
        {"Host:\r\n", "HTTP/1.1 400 "},
    };
    char request[200], answer[4096];

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        (void)snprintf(request, sizeof request,
            "GET / HTTP/1.1\r\nA: b\r\n%sC: d\r\n\r\n", hosts[i].host);
        ask(request, answer, sizeof answer);
        if (strncmp(answer, hosts[i].status, strlen(hosts[i].status)) != 0)
            fail_msg("%s gave %s", request, answer);
        assert_int_equal(strstr(answer, "page of people") != NULL, i < 4);
        assert_int_equal(
            strstr(answer, "\r\nReferrer-Policy: no-referrer\r\n") != NULL,
            i < 4);
    }
}

static const char plain_request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

static void assert_still_serving(void)
{
    char answer[4096];
    ask(plain_request, answer, sizeof answer);
    assert_non_null(strstr(answer, "metric 42\n"));
}

TEST(refuses_oversized_and_broken_requests)
{
    static const char *const broken[] = {
        "GARBAGE\r\n\r\n",
        "\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "GET /metrics\r\n\r\n",
        "GET /metrics HTTP/2.0\r\n\r\n",
        "GET /metrics x HTTP/1.1\r\n\r\n",
        "GET /metrics\t HTTP/1.1\r\n\r\n",
        "GET \x80 HTTP/1.1\r\n\r\n",
    };
    static char big[12000], answer[20000];
    (void)snprintf(
        big, sizeof big, "GET /metrics HTTP/1.1\r\nX: %09000d\r\n\r\n", 0);
    /* Bytes that come after the answer must not cost the peer the answer. */
    int fd = visit();
    (void)send(fd, big, strlen(big), MSG_NOSIGNAL);
    read_all(fd, answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 431 ", 13), 0);

    ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 405 ", 13), 0);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        ask(broken[i], answer, sizeof answer);
        if (strncmp(answer, "HTTP/1.1 400 ", 13) != 0)
            fail_msg("%s gave %s", broken[i], answer);
    }
    assert_still_serving();
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Each byte comes soon after the last one, the request never ends. */
TEST(ends_slow_drip)
{
    int fd = visit();
    struct pollfd closed = {.fd = fd, .events = POLLIN};
    double start = now_s();
    static const char request[] = "GET /metrics HTTP/1.1\r\nX: ";
    for (size_t i = 0; now_s() - start < 12; i++) {
        char byte = i < sizeof request - 1 ? request[i] : 'x';
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
            break;
        if (poll(&closed, 1, 300) > 0)
            break;
    }
    double took = now_s() - start;
    close(fd);
    assert_true(took > 0.9 && took < 4);
    assert_still_serving();
}

static void assert_ended(int fd)
{
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    char byte;

    assert_int_equal(poll(&ended, 1, 5000), 1);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* Who is silent longest makes room; nobody who asks is turned away. */
TEST(bounds_the_connections)
{
    int fds[200];

    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = visit();
        if (i % 50 == 49)
            assert_still_serving();
    }
    for (size_t i = 0; i < COUNT(fds) - 64; i++)
        assert_ended(fds[i]);
    assert_still_serving();
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
}

/* Does the visitor on fd get an answer although `count` others come before he
 * has said all? A head that took longer than a second proves nothing. */
static void assert_served_among(
    int (*come)(void), const char *others_say, size_t count)
{
    char answer[4096] = "";
    double start;

    do {
        int fds[100], fd = come();
        assert_true(count <= COUNT(fds));
        start = now_s();
        (void)send(fd, plain_request, 10, MSG_NOSIGNAL);
        for (size_t i = 0; i < count; i++) {
            fds[i] = visit();
            (void)send(fds[i], others_say, strlen(others_say), MSG_NOSIGNAL);
            while (others_say == plain_request &&
                   recv(fds[i], answer, sizeof answer, 0) > 0)
                ;
        }
        (void)send(
            fd, plain_request + 10, strlen(plain_request) - 10, MSG_NOSIGNAL);
        read_all(fd, answer, sizeof answer);
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
    } while (answer[0] == '\0' && now_s() - start > 0.9);
    assert_non_null(strstr(answer, "metric 42\n"));
}

TEST(who_has_been_served_makes_room)
{
    assert_served_among(visit, plain_request, 64);
}

static int visit_from_elsewhere(void)
{
    int fd = connect_inet("127.0.0.2", "127.0.0.1", port);

    assert_int_not_equal(fd, -1);
    return fd;
}

/* One address that holds all places gives them to others, whatever it sends. */
TEST(who_holds_most_makes_room)
{
    assert_served_among(visit_from_elsewhere, "G", 100);
}

static double server_cpu_s(void)
{
    char path[64], line[1024];
    unsigned long user, system;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)server_pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    (void)fclose(file);
    assert_int_equal(sscanf(strrchr(line, ')') + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                         &user, &system),
        2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

TEST(waits_when_descriptors_run_out)
{
    struct rlimit before, few;
    int fds[40];
    struct pollfd answered = {.events = POLLIN};
    assert_int_equal(prlimit(server_pid, RLIMIT_NOFILE, NULL, &before), 0);
    few = before;
    few.rlim_cur = 20;
    assert_int_equal(prlimit(server_pid, RLIMIT_NOFILE, &few, NULL), 0);
    for (size_t i = 0; i < 40; i++)
        fds[i] = visit();
    double start = server_cpu_s();
    answered.fd = fds[39];
    assert_int_equal(poll(&answered, 1, 1500), 0);
    assert_true(server_cpu_s() - start < 0.3);
    for (size_t i = 0; i < 40; i++)
        close(fds[i]);
    assert_int_equal(prlimit(server_pid, RLIMIT_NOFILE, &before, NULL), 0);
    assert_still_serving();
}

TEST(refuses_bad_addresses)
{
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "127.0.0.1:0",
        "localhost:80",
        "127.0.0.1:99999",
        "[::1]",
        "203.0.113.1:9309",
    };
    struct event_base *base = event_base_new();
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        assert_null(http_server_new(base, bad[i], routes, NULL, &err));
        assert_int_equal(strncmp(err.text, "http: ", 6), 0);
    }
    event_base_free(base);
}

RUN_TESTS(server_setup, server_teardown)
