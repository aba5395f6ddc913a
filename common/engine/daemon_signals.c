/*
 * daemon_signals.c - HUP reloads, USR2 hands over, TERM and INT end.
 *
 * Signals are ordinary events of the loop: no handler runs in between. What
 * HUP and USR2 do is in daemon_change.c.
 */
#include "common/engine/daemon_private.h"

#include "common/base/log.h"
#include "common/engine/elder.h"
#include "common/net/notify.h"

#include <event2/event.h>
#include <signal.h>

/* Where our pid is the only one that is known, the successor is told by us. */
static bool pass_on(const struct daemon *daemon, int signal)
{
    return daemon->stays && daemon->heir != 0 &&
           kill(daemon->heir, signal) == 0;
}

static void on_hup(evutil_socket_t signal, short what, void *context)
{
    struct daemon_reload ignored;
    struct error err;

    if (pass_on(context, SIGHUP))
        return;
    (void)daemon_reload(context, false, &ignored, &err);
    daemon_reload_clear(&ignored);
}

static void on_usr2(evutil_socket_t signal, short what, void *context)
{
    const struct daemon_waiter nobody = {NULL, NULL};
    struct error err;

    if (!pass_on(context, SIGUSR2))
        (void)daemon_restart(context, &nobody, &err);
}

static void on_term(evutil_socket_t signal, short what, void *context)
{
    struct daemon *daemon = context;

    (void)pass_on(daemon, SIGTERM);
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

/* Children, and orphans if we are pid 1. An heir that is no more leaves nobody
 * who serves: then we end, and the engine starts the container again. */
static void on_chld(evutil_socket_t signal, short what, void *context)
{
    struct daemon *daemon = context;

    if (!daemon->stays)
        return;
    elder_reap();
    if (daemon->heir == 0 || kill(daemon->heir, 0) == 0)
        return;
    log_error("successor %d has ended", (int)daemon->heir);
    daemon->heir = 0;
    daemon_fail(daemon);
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
        [SIGNAL_CHLD] = {SIGCHLD, on_chld},
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
