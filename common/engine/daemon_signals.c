/*
 * daemon_signals.c - HUP reloads, USR2 hands over, TERM and INT end.
 *
 * Signals are ordinary events of the loop: no handler runs in between. A
 * reload or a successor that fails leaves everything as it was.
 */
#include "common/engine/daemon_private.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/notify.h"

#include <event2/event.h>
#include <stdlib.h>

static void report_restart_only(
    const struct config *before, const struct config *after)
{
    const char *name = config_needs_restart(before, after);
    if (name != NULL)
        log_warn("reload: %s takes effect at the next restart (USR2)", name);
}

static void daemon_reload(struct daemon *daemon)
{
    struct metrics *metrics = engine_metrics(daemon->engine);
    struct error err;
    struct config *config = config_load(&daemon->options.source, &err);

    if (config == NULL || !daemon_check_proof(daemon, config, &err) ||
        !daemon_log_open(daemon, config, &err)) {
        metrics->reload_failures++;
        log_error("reload: %s; the old configuration stays", err.text);
        config_unref(&config);
        return;
    }
    report_restart_only(daemon->config, config);
    daemon_log_warnings(config);
    log_info("reload: configuration %s replaces %s", config->hash,
        daemon->config->hash);
    daemon_listeners_follow(daemon, config);
    config_unref(&daemon->config);
    daemon->config = config;
    engine_reload(daemon->engine, config);
    if (daemon->faces->reload != NULL)
        daemon->faces->reload(daemon->faces->context, config);
    metrics->reloads++;
}

static void on_hup(evutil_socket_t signal, short what, void *context)
{
    (void)signal;
    (void)what;
    notify_reloading();
    daemon_reload(context);
    notify_ready();
}

static void on_successor(bool is_ready, pid_t pid, void *context)
{
    struct daemon *daemon = context;
    struct error err;

    successor_free(&daemon->successor);
    if (is_ready) {
        log_info("successor %d serves; finishing open sessions", (int)pid);
        notify_main_pid(pid);
        daemon_drain(daemon, false, false);
        return;
    }
    log_error("successor %d ended before it served; going on", (int)pid);
    if (!daemon_pages_open(daemon, &err))
        log_error("%s", err.text);
}

/* The HTTP port cannot be shared: it is free before the successor starts. */
static void on_usr2(evutil_socket_t signal, short what, void *context)
{
    struct daemon *daemon = context;
    const struct successor_events events = {on_successor, daemon};
    struct error err;

    (void)signal;
    (void)what;
    if (daemon->phase != DAEMON_SERVING || daemon->successor != NULL) {
        log_warn("USR2: a restart is under way already");
        return;
    }
    if (daemon->faces->may_hand_over != NULL &&
        !daemon->faces->may_hand_over(daemon->faces->context, &err)) {
        log_error("USR2: %s", err.text);
        return;
    }
    int *fds = xcalloc(2 * daemon->listener_count + 1, sizeof *fds);
    size_t count = 0;
    for (size_t i = 0; i < daemon->listener_count; i++) {
        const struct listener *listener = daemon->listeners[i].listener;
        fds[count++] = listener_fd(listener);
        if (listener_place_fd(listener) != -1)
            fds[count++] = listener_place_fd(listener);
    }
    http_server_free(&daemon->http);
    daemon->successor = successor_start(daemon->base, daemon->program_path,
        daemon->argv, fds, count, &events, &err);
    free(fds);
    if (daemon->successor != NULL)
        return;
    log_error("USR2: %s", err.text);
    if (!daemon_pages_open(daemon, &err))
        log_error("%s", err.text);
}

static void on_term(evutil_socket_t signal, short what, void *context)
{
    struct daemon *daemon = context;

    (void)signal;
    (void)what;
    if (daemon->phase == DAEMON_DRAINING && daemon->drain_deadline != NULL) {
        log_info("second signal: stopping at once");
        event_base_loopbreak(daemon->base);
        return;
    }
    /* Whoever stops us means the one as well that would take our place. */
    successor_end(&daemon->successor);
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
