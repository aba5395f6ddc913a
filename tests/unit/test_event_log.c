/*
 * test_event_log.c - a line of libevent's own is one of ours.
 */
#include "tests/unit/unit.h"

#include "common/base/log.h"
#include "common/net/event_log.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libevent warns of a loop inside of a loop. */
static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)event_base_loop(context, EVLOOP_NONBLOCK);
}

TEST(a_warning_of_libevent)
{
    const struct timeval now = {0};
    char path[] = "/tmp/tollgate-event-log-XXXXXX", target[64];
    char text[300] = "";
    struct error err;

    int fd = mkstemp(path);
    assert_int_not_equal(fd, -1);
    snprintf(target, sizeof target, "file:%s", path);
    assert_true(log_open(
        target, LOG_FORMAT_JSON, LOG_LEVEL_INFO, "tollgate-policyd", &err));
    event_log_take();
    struct event_base *base = event_base_new();
    event_base_once(base, -1, EV_TIMEOUT, on_time, base, &now);
    event_base_dispatch(base);
    event_base_free(base);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_non_null(
        strstr(text, "\"program\":\"tollgate-policyd\",\"level\":\"warn\""));
    assert_non_null(strstr(text, "libevent: "));
    close(fd);
    unlink(path);
}

RUN_TESTS(NULL, NULL)
