/*
 * daemon_watchdog.c - tells systemd, from the loop, that the loop turns.
 *
 * Does nothing unless systemd wants it (WatchdogSec=). A loop that hangs sends
 * nothing, and systemd ends the process. Once a successor serves it is the one
 * that reports: a predecessor's word would hide that the successor hangs.
 */
#include "common/engine/daemon_private.h"

#include "common/base/clock.h"
#include "common/net/notify.h"

#include <event2/event.h>

#define PER_TIMEOUT 3 /* so a datagram may be late, or lost */

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    notify_watchdog();
}

bool daemon_watchdog_start(struct daemon *daemon, struct error *err)
{
    uint64_t ms = notify_watchdog_ms() / PER_TIMEOUT;
    const struct timeval every = clock_span(ms);

    if (ms == 0)
        return true;
    daemon->watchdog = event_new(daemon->base, -1, EV_PERSIST, on_turn, daemon);
    if (daemon->watchdog == NULL || event_add(daemon->watchdog, &every) == -1)
        return error_set(err, "watchdog: the event loop takes no more");
    return true;
}

void daemon_watchdog_stop(struct daemon *daemon)
{
    if (daemon->watchdog != NULL)
        event_free(daemon->watchdog);
    daemon->watchdog = NULL;
}
