/*
 * helper_stage.c - see helper_stage.h.
 */
#include "tests/unit/helper_stage.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct helper_stage stage;

int64_t stage_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int stage_set_up(void **state)
{
    stage = (struct helper_stage){.listener = -1, .smtpd = -1};
    snprintf(
        stage.directory, sizeof stage.directory, "/tmp/tollgate-test-XXXXXX");
    assert_non_null(mkdtemp(stage.directory));
    stage.address.sun_family = AF_UNIX;
    snprintf(stage.address.sun_path, sizeof stage.address.sun_path, "%s/anvil",
        stage.directory);
    return 0;
}

int stage_tear_down(void **state)
{
    if (stage.smtpd != -1)
        close(stage.smtpd);
    if (stage.pid > 0) {
        kill(stage.pid, SIGKILL);
        waitpid(stage.pid, NULL, 0);
    }
    if (stage.listener != -1)
        close(stage.listener);
    unlink(stage.address.sun_path);
    rmdir(stage.directory);
    return 0;
}

void stage_start(const char *when_down)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    stage.smtpd = pair[0];
    stage.pid = fork();
    assert_int_not_equal(stage.pid, -1);
    if (stage.pid == 0) {
        /* as spawn(8) does it */
        for (int fd = 0; fd <= 2; fd++)
            dup2(pair[1], fd);
        close_range(3, ~0u, 0);
        execl(HELPER, HELPER, stage.address.sun_path, when_down, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
}

void policyd_listen(void)
{
    stage.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stage.listener, (struct sockaddr *)&stage.address,
                         sizeof stage.address),
        0);
    assert_int_equal(listen(stage.listener, 5), 0);
}

bool stage_is_readable(int fd, int timeout_ms)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    return poll(&pollfd, 1, timeout_ms) == 1;
}

int policyd_receive(char *byte_r, int *link_r)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = byte_r, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    int fd = -1;

    assert_true(stage_is_readable(stage.listener, LATE_MS));
    *link_r = accept(stage.listener, NULL, NULL);
    assert_int_not_equal(*link_r, -1);
    assert_int_equal(recvmsg(*link_r, &message, MSG_CMSG_CLOEXEC), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    assert_int_not_equal(fd, -1);
    return fd;
}

bool policyd_take(int link)
{
    const char taken = ANVIL_PASS_TAKEN;

    return send(link, &taken, 1, MSG_NOSIGNAL) == 1;
}

void smtpd_say(const char *text)
{
    assert_int_equal(send(stage.smtpd, text, strlen(text), MSG_NOSIGNAL),
        (ssize_t)strlen(text));
}

void smtpd_expect(const char *text, int within_ms)
{
    int64_t deadline = stage_now_ms() + within_ms;
    char got[512] = "";
    size_t len = 0;

    do {
        int64_t left = deadline - stage_now_ms();
        if (left < 0 || !stage_is_readable(stage.smtpd, (int)left))
            fail_msg("after %d ms only \"%s\" of \"%s\"", within_ms, got, text);
        ssize_t n = recv(stage.smtpd, got + len, sizeof got - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        got[len] = '\0';
    } while (len < strlen(text));
    assert_string_equal(got, text);
}

int stage_wait(void)
{
    int status;

    assert_int_equal(waitpid(stage.pid, &status, 0), stage.pid);
    stage.pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
