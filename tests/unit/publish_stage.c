/*
 * publish_stage.c - see publish_stage.h.
 */
#include "tests/unit/unit.h"

#include "tests/unit/publish_stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char publish_section[] = "certificate \"a.example\" {\n"
                               "  source = \"combined:%s/a.pem\"\n"
                               "  default_chain = \"%s/tls/chain.pem\"\n"
                               "  refresh_map = \"%s/tls/map.cdb\"\n"
                               "  on_change = { \"/bin/true\" }\n"
                               "}\n";

struct issued publish_issued[3];

int publish_make_issued(void **state)
{
    for (int i = 0; i < 3; i++)
        publish_issued[i] = issue(&(struct issue){.key = "EC:P-256",
            .names = "DNS:a.example",
            .ends_in_days = 50 + i});
    return 0;
}

int publish_clear_issued(void **state)
{
    for (int i = 0; i < 3; i++)
        issued_clear(&publish_issued[i]);
    return 0;
}

static int helper_fd; /* the other end of the stage's command_fd */

int publish_setup(void **state)
{
    int pair[2];
    char path[128];

    certs_stage_setup(state);
    struct certs_stage *stage = *state;
    assert_int_equal(
        socketpair(
            AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
        0);
    stage->command_fd = pair[0];
    helper_fd = pair[1];
    snprintf(path, sizeof path, "%s/tls", stage->dir.path);
    mkdir(path, 0750);
    return 0;
}

int publish_teardown(void **state)
{
    if (helper_fd != -1)
        close(helper_fd);
    return certs_stage_teardown(state);
}

bool helper_was_asked(struct command_request *request)
{
    return recv(helper_fd, request, sizeof *request, MSG_DONTWAIT) ==
           (ssize_t)sizeof *request;
}

void helper_reply(const char *problem, uint64_t retry_ms)
{
    struct command_reply reply = {.retry_ms = retry_ms};

    snprintf(reply.certificate, sizeof reply.certificate, "a.example");
    snprintf(reply.problem, sizeof reply.problem, "%s", problem);
    assert_int_equal(send(helper_fd, &reply, sizeof reply, 0), sizeof reply);
}

void publish_start(struct certs_stage *stage)
{
    struct command_request ignored;

    stage_write_combined(stage, "a.pem", &publish_issued[0]);
    stage_configure(stage, publish_section);
    assert_true(helper_was_asked(&ignored));
    helper_reply("", 0);
    stage_run(stage, 10);
}

void publish_age(struct certs_stage *stage, const char *name, long s)
{
    char path[256];
    struct stat status;

    snprintf(path, sizeof path, "%s/%s", stage->dir.path, name);
    assert_int_equal(stat(path, &status), 0);
    const struct timespec times[2] = {{.tv_sec = status.st_mtim.tv_sec - s},
        {.tv_sec = status.st_mtim.tv_sec - s}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

void publish_restart(struct certs_stage *stage)
{
    int pair[2];

    certs_free(&stage->certs);
    close(helper_fd);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    stage->command_fd = pair[0];
    helper_fd = pair[1];
    stage_configure(stage, publish_section);
}

bool publish_is_second_there(struct certs_stage *stage)
{
    return stage_holds(stage, "tls/chain.pem", &publish_issued[1]);
}

bool publish_is_map_done(struct certs_stage *stage)
{
    return !stage_report(stage, 0).refresh_map.is_due;
}

unsigned long publish_map(struct certs_stage *stage)
{
    return stage_inode(stage, "tls/map.cdb");
}

void helper_leave(void)
{
    close(helper_fd);
    helper_fd = -1;
}
