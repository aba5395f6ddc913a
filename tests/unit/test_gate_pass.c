/*
 * test_gate_pass.c - a client's way to an smtpd that this test plays: what it
 * is sent, and each way in which it may not take it.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "policyd/gate_pass.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[] = "/tmp/tollgate-test-XXXXXX";
static char path[sizeof directory + 8];
static struct event_base *base;
static unsigned calls;

static void on_done(struct gate_pass *pass)
{
    calls++;
    event_base_loopbreak(base);
}

static struct gate_ends ends_of(const char *client, const char *server)
{
    struct gate_ends ends = {.client_port = 4711, .server_port = 25};

    assert_true(address_parse(client, strlen(client), &ends.client));
    assert_true(address_parse(server, strlen(server), &ends.server));
    return ends;
}

static struct gate_pass pass_of(int client_fd, uint64_t timeout_ms)
{
    calls = 0;
    return (struct gate_pass){.base = base,
        .path = path,
        .client_fd = client_fd,
        .ends = ends_of("198.51.100.7", "192.0.2.25"),
        .deadline_ms = clock_monotonic_ms() + timeout_ms,
        .on_done = on_done};
}

static int listen_there(int backlog)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

/* As smtpd does: one byte with the descriptor. */
static int receive_descriptor(int channel)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    char byte;
    struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control};
    int fd;

    assert_int_equal(recvmsg(channel, &message, 0), 1);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL)
        abort();
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

#define LINE(name, value) name "\0" value "\0"

TEST(format)
{
    static const char ipv4[] =
        LINE("client_address", "198.51.100.7") LINE("client_port", "4711")
            LINE("server_address", "192.0.2.25") LINE("server_port", "25");
    static const char ipv6[] =
        LINE("client_address", "2001:db8::7") LINE("client_port", "4711")
            LINE("server_address", "2001:db8::25") LINE("server_port", "25");
    struct gate_ends ends = ends_of("198.51.100.7", "192.0.2.25");
    char text[GATE_PASS_TEXT_SIZE];

    /* sizeof counts the empty name at the end. */
    assert_int_equal(gate_pass_format(&ends, text), sizeof ipv4);
    assert_memory_equal(text, ipv4, sizeof ipv4);
    ends = ends_of("2001:db8::7", "2001:db8::25");
    assert_int_equal(gate_pass_format(&ends, text), sizeof ipv6);
    assert_memory_equal(text, ipv6, sizeof ipv6);
}

TEST(taken)
{
    int client[2], listener = listen_there(5);
    char text[GATE_PASS_TEXT_SIZE], byte;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, client), 0);
    struct gate_pass pass = pass_of(client[0], 60000);
    assert_true(gate_pass_begin(&pass));
    int channel = accept(listener, NULL, NULL);
    int received = receive_descriptor(channel);
    size_t len = gate_pass_format(&pass.ends, text);
    char got[GATE_PASS_TEXT_SIZE];
    assert_int_equal(recv(channel, got, sizeof got, 0), len);
    assert_memory_equal(got, text, len);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(calls, 0); /* it is smtpd's only when smtpd says so */
    close(channel);
    event_base_dispatch(base);
    assert_int_equal(calls, 1);
    assert_int_equal(pass.state, GATE_PASS_TAKEN);
    gate_pass_clear(&pass);
    close(client[0]);
    assert_int_equal(write(received, "2", 1), 1);
    assert_int_equal(read(client[1], &byte, 1), 1);
    close(received);
    close(client[1]);
    close(listener);
}

/* An smtpd that ends before it has read who comes. */
TEST(not_read)
{
    int listener = listen_there(5);
    struct gate_pass pass = pass_of(STDERR_FILENO, 60000);

    assert_true(gate_pass_begin(&pass));
    int channel = accept(listener, NULL, NULL);
    close(receive_descriptor(channel));
    close(channel);
    event_base_dispatch(base);
    assert_int_equal(pass.state, GATE_PASS_AWAY);
    assert_int_equal(pass.error, ECONNRESET);
    gate_pass_clear(&pass);
    close(listener);
}

TEST(late)
{
    int listener = listen_there(5);
    struct gate_pass pass = pass_of(STDERR_FILENO, 30);

    assert_true(gate_pass_begin(&pass));
    event_base_dispatch(base);
    assert_int_equal(calls, 1);
    assert_int_equal(pass.state, GATE_PASS_LATE);
    gate_pass_clear(&pass);
    close(listener);
}

/* A queue that is full is asked again, as long as there is time. */
TEST(a_full_queue)
{
    int listener = listen_there(0);
    struct gate_pass first = pass_of(STDERR_FILENO, 60000);
    struct gate_pass second = pass_of(STDERR_FILENO, 60000);
    struct gate_pass third = pass_of(STDERR_FILENO, 30);

    assert_true(gate_pass_begin(&first));
    assert_true(gate_pass_begin(&second));
    assert_true(gate_pass_begin(&third));
    event_base_dispatch(base);
    assert_int_equal(third.state, GATE_PASS_LATE);
    assert_int_equal(second.channel, -1);
    close(receive_descriptor(accept(listener, NULL, NULL)));
    while (second.channel == -1)
        event_base_loop(base, EVLOOP_ONCE);
    gate_pass_clear(&first);
    gate_pass_clear(&second);
    gate_pass_clear(&third);
    close(listener);
}

TEST(away)
{
    struct gate_pass pass = pass_of(STDERR_FILENO, 60000);

    unlink(path);
    assert_false(gate_pass_begin(&pass));
    assert_int_equal(pass.state, GATE_PASS_AWAY);
    assert_int_equal(pass.error, ENOENT);
    gate_pass_clear(&pass);
    close(listen_there(5));
    pass = pass_of(STDERR_FILENO, 60000);
    assert_false(gate_pass_begin(&pass));
    assert_int_equal(pass.error, ECONNREFUSED);
    gate_pass_clear(&pass);
    assert_int_equal(calls, 0);
}

static int set_up(void **state)
{
    base = event_base_new();
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    return 0;
}

static int tear_down(void **state)
{
    event_base_free(base);
    unlink(path);
    return rmdir(directory);
}

RUN_TESTS(set_up, tear_down)
