/*
 * anvil_stage.c - see anvil_stage.h.
 */
#include "tests/unit/anvil_stage.h"

#include "common/base/log.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct anvil_stage stage;

struct config *engine_config(const struct engine *engine)
{
    return &stage.config;
}

void engine_lease_take(struct decision *decision, struct engine_lease *lease)
{
    assert_int_equal(decision->verdict.kind, VERDICT_PASS);
    assert_int_equal(lease->count, 0);
    lease->count = 1;
    stage.taken++;
}

void engine_lease_release(struct engine *engine, struct engine_lease *lease)
{
    stage.released += (unsigned)lease->count;
    lease->count = 0;
}

void store_state(const struct store *store, struct store_state *state_r)
{
    *state_r = (struct store_state){.tracked = stage.tracked};
}

const char *config_service_title(
    const struct config *snapshot, const char *name)
{
    return strcmp(name, "smtp") == 0 ? "25" : name;
}

int stage_set_up(void **state)
{
    struct error err;

    memset(&stage, 0, sizeof stage);
    stage.config.policyd.anvil_greeting = true;
    stage.config.rate_time_unit_ms = 60000;
    stage.base = event_base_new();
    fake_engine_reset(stage.base);
    stage.sessions = anvil_sessions_new(NULL);
    snprintf(stage.log_path, sizeof stage.log_path,
        "file:/tmp/tollgate-test-XXXXXX");
    int fd = mkstemp(stage.log_path + strlen("file:"));
    assert_int_not_equal(fd, -1);
    close(fd);
    assert_true(log_open(
        stage.log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err));
    return 0;
}

int stage_tear_down(void **state)
{
    struct error err;

    anvil_sessions_free(&stage.sessions);
    assert_int_equal(stage.taken, stage.released);
    event_base_free(stage.base);
    log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err);
    unlink(stage.log_path + strlen("file:"));
    return 0;
}

unsigned stage_logged(const char *text)
{
    FILE *file = fopen(stage.log_path + strlen("file:"), "r");
    char line[1024];
    unsigned count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

void stage_run(void)
{
    event_base_loop(stage.base, EVLOOP_NONBLOCK);
}

int stage_open(bool is_greeted)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
    anvil_sessions_add(stage.sessions, pair[1], is_greeted);
    return pair[0];
}

const char *stage_hear(int fd)
{
    static char text[1024];
    ssize_t got = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    if (got == 0)
        return "EOF";
    text[got > 0 ? got : 0] = '\0';
    return text;
}

const char *stage_ask(int fd, const char *request)
{
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
        (ssize_t)strlen(request));
    stage_run();
    return stage_hear(fd);
}
