/*
 * test_notify.c - the datagrams that a service manager would receive.
 */
#include "common/net/notify.h"
#include "tests/unit/net_helper.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* name begins with '@' for an abstract socket. */
static int manager_open(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(at.sun_path, name, len);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&at,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
        0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void assert_received(int fd, const char *expected)
{
    char message[1024];
    ssize_t got = recv(fd, message, sizeof message - 1, 0);
    assert_true(got > 0);
    message[got] = '\0';
    assert_string_equal(message, expected);
}

static void assert_nothing(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

TEST_WITH(test_dir_setup, test_dir_teardown, sends_every_message)
{
    struct test_dir *dir = *state;
    char message[1024];
    int fd = manager_open(dir->socket);
    notify_ready();
    assert_received(fd, "READY=1");
    notify_stopping();
    assert_received(fd, "STOPPING=1");
    notify_watchdog();
    assert_received(fd, "WATCHDOG=1");
    notify_main_pid(4711);
    assert_received(fd, "MAINPID=4711");
    notify_reloading();
    ssize_t got = recv(fd, message, sizeof message - 1, 0);
    assert_true(got > 0);
    message[got] = '\0';
    assert_int_equal(strncmp(message, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    assert_true(atoll(message + 27) > 0);
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, reaches_abstract_socket)
{
    char name[64];
    (void)snprintf(name, sizeof name, "@tollgate-test-%d", (int)getpid());
    int fd = manager_open(name);
    notify_ready();
    assert_received(fd, "READY=1");
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, is_silent_without_manager)
{
    struct test_dir *dir = *state;
    char too_long[300];
    int fd = manager_open(dir->socket);
    unsetenv("NOTIFY_SOCKET");
    notify_ready();
    setenv("NOTIFY_SOCKET", "", 1);
    notify_ready();
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_ready();
    memset(too_long, '/', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    setenv("NOTIFY_SOCKET", too_long, 1);
    notify_ready();
    assert_nothing(fd);
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, reads_watchdog)
{
    static const struct {
        const char *usec, *pid;
        uint64_t expected_ms;
    } cases[] = {
        {NULL, NULL, 0},
        {"30000000", NULL, 30000},
        {"30000000", "1", 0},
        {"30000000", "self", 30000},
        {"3e7", NULL, 0},
        {"-5", NULL, 0},
    };
    char self[24];
    (void)snprintf(self, sizeof self, "%d", (int)getpid());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *pid = cases[i].pid;
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        if (cases[i].usec != NULL)
            setenv("WATCHDOG_USEC", cases[i].usec, 1);
        if (pid != NULL)
            setenv("WATCHDOG_PID", strcmp(pid, "self") == 0 ? self : pid, 1);
        assert_int_equal(notify_watchdog_ms(), cases[i].expected_ms);
    }
}

RUN_TESTS(NULL, NULL)
