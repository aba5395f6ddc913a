/*
 * daemon_signals.c - HUP reloads, USR2 hands over, TERM and INT end.
 *
 * Signals are ordinary events of the loop: no handler runs in between. What
 * HUP and USR2 do is in daemon_change.c.
 */
#include "common/engine/daemon_private.h"

#include "common/base/log.h"
#include "common/net/notify.h"

#include <event2/event.h>

static void on_hup(evutil_socket_t signal, short what, void *context)
{
    struct daemon_reload ignored;
    struct error err;

    (void)daemon_reload(context, false, &ignored, &err);
    daemon_reload_clear(&ignored);
}

static void on_usr2(evutil_socket_t signal, short what, void *context)
{
    const struct daemon_waiter nobody = {NULL, NULL};
    struct error err;

    (void)daemon_restart(context, &nobody, &err);
}

static void on_term(evutil_socket_t signal, short what, void *context)
{
    struct daemon *daemon = context;

    if (daemon->phase == DAEMON_DRAINING && daemon->drain_deadline != NULL) {
        log_info("second signal: stopping at once");
        event_base_loopbreak(daemon->base);
        return;
    }
    /* Whoever stops us means the one as well that would take our place. */
    daemon_end_restart(daemon);
    log_info("stopping; open sessions have %llu ms",
        (unsigned long long)daemon->config->drain_timeout_ms);
    notify_stopping();
    daemon_drain(daemon, true, true);
}

void daemon_signals_install(struct daemon *daemon)
{
    static const struct {
        int signal;
        event_callback_fn handler;
    } table[SIGNALS] = {
        [SIGNAL_HUP] = {SIGHUP, on_hup},
        [SIGNAL_USR2] = {SIGUSR2, on_usr2},
        [SIGNAL_TERM] = {SIGTERM, on_term},
        [SIGNAL_INT] = {SIGINT, on_term},
    };

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNALS; i++) {
        daemon->signals[i] = evsignal_new(
            daemon->base, table[i].signal, table[i].handler, daemon);
        event_add(daemon->signals[i], NULL);
    }
}

void daemon_signals_free(struct daemon *daemon)
{
    for (size_t i = 0; i < SIGNALS; i++)
        if (daemon->signals[i] != NULL)
            event_free(daemon->signals[i]);
}
