/*
 * event_log.c - see event_log.h.
 *
 * Left alone libevent writes to stderr, without time and program, and not as
 * JSON where that is wanted. Its DNS part says so when a name server fails.
 */
#include "common/net/event_log.h"

#include "common/base/log.h"

#include <event2/event.h>

static void on_line(int severity, const char *text)
{
    if (severity == EVENT_LOG_DEBUG)
        log_debug("libevent: %s", text);
    else if (severity == EVENT_LOG_MSG)
        log_info("libevent: %s", text);
    else if (severity == EVENT_LOG_WARN)
        log_warn("libevent: %s", text);
    else
        log_error("libevent: %s", text);
}

void event_log_take(void)
{
    event_set_log_callback(on_line);
}
