/*
 * test_command_helper.c - what the helper of on_change runs, how, and when
 * again.
 */
#include "tests/unit/unit.h"

#include "common/base/kept_socket.h"
#include "common/certs/command.h"
#include "tests/unit/certs_stage.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Notes that it ran; its first argument is a file with its exit status. */
static const char script[] = "#!/bin/sh\n"
                             "echo \"$TOLLGATE_CERTIFICATE\" >>\"$0.ran\"\n"
                             "exit \"$(cat \"$1\")\"\n";

static const char sections[] =
    "certificate \"a.example\" { source = \"combined:%s/a\"\n"
    "  on_change = { \"%s/script\", \"%s/status\" } }\n"
    "certificate \"b.example\" { source = \"combined:%s/a\"\n"
    "  on_change = { \"/bin/sleep\", \"100\" } }\n"
    "certificate \"c.example\" { source = \"combined:%s/a\"\n"
    "  on_change = { \"%s/none\" } }\n"
    "certificate \"d.example\" { source = \"combined:%s/a\"\n"
    "  on_change = { \"/bin/sh\", \"-c\", \"kill -9 $$\" } }\n"
    "certificate \"e.example\" { source = \"combined:%s/a\" }\n";

struct scene {
    struct certs_stage *stage;
    struct config *config;
    int fd;
};

static void begin(struct scene *scene, struct certs_stage *stage)
{
    char path[256];
    struct error err;

    unsetenv(COMMAND_FD_VARIABLE);
    stage_write(stage, "script", script, strlen(script));
    snprintf(path, sizeof path, "%s/script", stage->dir.path);
    assert_int_equal(chmod(path, 0700), 0);
    stage_write(stage, "status", "0", 1);
    scene->stage = stage;
    scene->config = stage_load(stage, sections);
    assert_true(command_start(scene->config, &scene->fd, &err));
}

/* It ends with the last that holds its socket. */
static void end(struct scene *scene)
{
    int status;

    close(scene->fd);
    config_unref(&scene->config);
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define SLEEPS 1 /* the section whose command does not end */

/* A command that ends may take as long as a busy machine wants. */
static void ask(struct scene *scene, size_t number)
{
    const struct config_certificate *one = &scene->config->certificates[number];
    struct command_request request = {
        .timeout_ms = number == SLEEPS ? 300 : 60000};

    snprintf(request.certificate, sizeof request.certificate, "%s", one->title);
    command_digest(one->on_change, request.argv_digest);
    assert_int_equal(
        send(scene->fd, &request, sizeof request, 0), sizeof request);
}

static void take_reply(struct scene *scene, struct command_reply *reply)
{
    struct pollfd readable = {.fd = scene->fd, .events = POLLIN};

    assert_int_equal(poll(&readable, 1, 60000), 1);
    assert_int_equal(recv(scene->fd, reply, sizeof *reply, 0), sizeof *reply);
}

static size_t count_runs(struct scene *scene)
{
    char path[256], text[256] = "";
    size_t lines = 0;

    snprintf(path, sizeof path, "%s/script.ran", scene->stage->dir.path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return 0;
    assert_true(read(fd, text, sizeof text - 1) >= 0);
    close(fd);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, it_runs)
{
    struct scene scene;
    struct command_reply reply;

    begin(&scene, *state);
    assert_true(scene.fd >= KEPT_SOCKET_MIN);
    for (size_t i = 1; i < 3; i++) {
        ask(&scene, 0);
        take_reply(&scene, &reply);
        assert_string_equal(reply.certificate, "a.example");
        assert_string_equal(reply.problem, "");
        assert_int_equal(reply.retry_ms, 0);
        assert_int_equal(count_runs(&scene), i);
    }
    end(&scene);
}

/* A later request takes the place of what waits to be tried again. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, it_fails)
{
    struct scene scene;
    struct command_reply reply;

    begin(&scene, *state);
    stage_write(scene.stage, "status", "3", 1);
    ask(&scene, 0);
    take_reply(&scene, &reply);
    assert_non_null(strstr(reply.problem, "/script: exit status 3"));
    assert_int_equal(reply.retry_ms, COMMAND_RETRY_MS);
    stage_write(scene.stage, "status", "0", 1);
    ask(&scene, 0);
    take_reply(&scene, &reply);
    assert_string_equal(reply.problem, "");
    assert_int_equal(count_runs(&scene), 2);
    end(&scene);
}

static const struct {
    size_t number;
    const char *problem;
} bad[] = {
    {SLEEPS, "/bin/sleep: not done in 300 ms"},
    {2, "/none: exit status 127 (could it be started?)"},
    {3, "/bin/sh: ended by signal 9"},
};

TEST_WITH(certs_stage_setup, certs_stage_teardown, other_failures)
{
    struct scene scene;
    struct command_reply reply;

    begin(&scene, *state);
    for (size_t i = 0; i < COUNT(bad); i++) {
        ask(&scene, bad[i].number);
        take_reply(&scene, &reply);
        if (strstr(reply.problem, bad[i].problem) == NULL)
            fail_msg("%s", reply.problem);
        assert_int_equal(reply.retry_ms, COMMAND_RETRY_MS);
    }
    end(&scene);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, nothing_else_is_run)
{
    struct scene scene;
    struct command_reply reply;
    struct command_request request = {.timeout_ms = 300};
    char *const argv[] = {(char[]){"/bin/true"}, NULL};

    begin(&scene, *state);
    command_digest(argv, request.argv_digest);
    snprintf(request.certificate, sizeof request.certificate, "a.example");
    assert_int_equal(
        send(scene.fd, &request, sizeof request, 0), sizeof request);
    take_reply(&scene, &reply);
    assert_non_null(strstr(reply.problem, "not the command that"));
    assert_int_equal(reply.retry_ms, 0);
    /* Nor the empty command of a section without one. */
    ask(&scene, 4);
    take_reply(&scene, &reply);
    assert_non_null(strstr(reply.problem, "not the command that"));
    end(&scene);
}

/* What is no request ends it: nobody else can have the socket. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, no_request)
{
    struct scene scene;

    begin(&scene, *state);
    assert_int_equal(send(scene.fd, "x", 1, 0), 1);
    struct pollfd readable = {.fd = scene.fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 60000), 1);
    assert_true(recv(scene.fd, &(char){0}, 1, 0) <= 0);
    end(&scene);
}

/* A successor finds the socket; without a command there is no helper. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, the_socket_is_left_open)
{
    struct certs_stage *stage = *state;
    struct scene scene;
    struct error err;
    int fd;

    begin(&scene, stage);
    assert_int_equal(command_left_open(), scene.fd);
    assert_int_equal(fcntl(scene.fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_true(command_start(scene.config, &fd, &err));
    assert_int_equal(fd, scene.fd);
    end(&scene);
    assert_int_equal(command_left_open(), -1);
    struct config *config = stage_load(
        stage, "certificate \"a.example\" { source = \"combined:%s/a\" }");
    assert_true(command_start(config, &fd, &err));
    assert_int_equal(fd, -1);
    config_unref(&config);
}

RUN_TESTS(NULL, NULL)
