/*
 * daemon_change.c - a new configuration, and a successor: what HUP and USR2
 * ask for, and the control socket.
 *
 * Either succeeds whole or leaves everything as it was; the log has one line
 * of what happened, whoever asked.
 */
#include "common/engine/daemon_private.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/elder.h"
#include "common/engine/log_gather.h"
#include "common/engine/notice_helper.h"
#include "common/net/notify.h"
#include "common/net/resolver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Against the first one: an option of an earlier reload waits still. */
static void compare(const struct daemon *daemon, const struct config *config,
    struct daemon_reload *reload)
{
    memcpy(reload->before, daemon->config->hash, sizeof reload->before);
    memcpy(reload->after, config->hash, sizeof reload->after);
    reload->has_changed = !config_is_same(daemon->config, config);
    reload->at_start_count = config_restart_options(
        daemon->first_config, config, reload->at_start, DAEMON_AT_START_MAX);
    config_compare(daemon->config, config, &reload->changes);
}

void daemon_reload_clear(struct daemon_reload *reload)
{
    config_changes_clear(&reload->changes);
}

struct config *daemon_try_config(
    struct daemon *daemon, struct daemon_reload *reload, struct error *err)
{
    struct config *config = config_load(&daemon->options.source, err);

    *reload = (struct daemon_reload){0};
    if (config == NULL)
        return NULL;
    if (!daemon_check_proof(daemon, config, err))
        config_unref(&config);
    else
        compare(daemon, config, reload);
    if (config != NULL)
        notice_helper_warn(config);
    return config;
}

static void daemon_follow(struct daemon *daemon, struct config *config)
{
    daemon_listeners_follow(daemon, config);
    config_unref(&daemon->config);
    daemon->config = config;
    daemon->config_ms = clock_monotonic_ms();
    engine_reload(daemon->engine, config);
    daemon_pages_follow(daemon);
    if (daemon->faces->reload != NULL)
        daemon->faces->reload(daemon->faces->context, config);
    engine_metrics(daemon->engine)->reloads++;
}

/* Absence is not consent: a file that is empty or half-written lacks what
 * guards us, and so does one from which somebody has taken it. */
static bool is_consented(
    const struct daemon_reload *reload, bool is_forced, struct error *err)
{
    char guarded[600];

    if (reload->changes.guarded.count == 0 || is_forced)
        return true;
    config_texts_join(&reload->changes.guarded, guarded, sizeof guarded);
    return error_set(err,
        "the new configuration lacks %s; if that is meant and the file whole: "
        "tollgatectl reload --force",
        guarded);
}

static void log_texts(const char *what, const struct config_texts *texts)
{
    char joined[900];

    if (texts->count == 0)
        return;
    config_texts_join(texts, joined, sizeof joined);
    log_info("reload: %s: %s", what, joined);
}

static void log_changes(const struct daemon_reload *reload)
{
    char guarded[900];

    for (size_t i = 0; i < reload->at_start_count; i++)
        log_warn("reload: %s takes effect at the next restart (USR2)",
            reload->at_start[i]);
    log_texts("gained", &reload->changes.gained);
    log_texts("lost", &reload->changes.lost);
    config_texts_join(&reload->changes.guarded, guarded, sizeof guarded);
    if (reload->changes.guarded.count > 0)
        log_warn("reload: by force without %s", guarded);
}

static bool reload(struct daemon *daemon, bool is_forced,
    struct daemon_reload *reload_r, struct error *err)
{
    struct config *config = daemon_try_config(daemon, reload_r, err);

    log_gather_flush(daemon->log_gather);
    if (config == NULL || !is_consented(reload_r, is_forced, err) ||
        !store_reload(daemon->store, err) ||
        !daemon_log_open(daemon, config, err)) {
        engine_metrics(daemon->engine)->reload_failures++;
        log_error("reload: %s; the old configuration stays", err->text);
        config_unref(&config);
        return false;
    }
    log_changes(reload_r);
    daemon_log_warnings(config);
    log_info("reload: configuration %s replaces %s", reload_r->after,
        reload_r->before);
    daemon_follow(daemon, config);
    return true;
}

bool daemon_reload(struct daemon *daemon, bool is_forced,
    struct daemon_reload *reload_r, struct error *err)
{
    notify_reloading();
    bool is_done = reload(daemon, is_forced, reload_r, err);
    notify_ready();
    return is_done;
}

static void tell_waiter(struct daemon *daemon, bool is_ready, pid_t pid)
{
    const struct daemon_waiter waiter = daemon->waiter;

    daemon_forget_waiter(daemon);
    if (waiter.on_result != NULL)
        waiter.on_result(is_ready, pid, waiter.context);
}

static void on_successor(bool is_ready, pid_t pid, void *context)
{
    struct daemon *daemon = context;
    struct error err;

    successor_free(&daemon->successor);
    tell_waiter(daemon, is_ready, pid);
    if (is_ready) {
        log_info("successor %d serves; finishing open sessions", (int)pid);
        daemon_watchdog_stop(daemon);
        if (daemon->stays)
            daemon->heir = pid;
        else
            notify_main_pid(pid);
        daemon_drain(daemon, false, false);
        return;
    }
    log_error("successor %d ended before it served; going on", (int)pid);
    if (!daemon_pages_open(daemon, &err))
        log_error("%s", err.text);
}

/* A successor believes the file that it finds. What it cannot load at all it
 * says itself. */
static bool is_restart_consented(struct daemon *daemon, struct error *err)
{
    struct daemon_reload change;
    struct error ignored;
    struct config *config = daemon_try_config(daemon, &change, &ignored);
    bool is = config == NULL || is_consented(&change, false, err);

    daemon_reload_clear(&change);
    config_unref(&config);
    return is;
}

static bool may_restart(struct daemon *daemon, struct error *err)
{
    const struct daemon_faces *faces = daemon->faces;

    if (daemon->phase != DAEMON_SERVING || daemon->successor != NULL)
        return error_set(err, "a restart is under way already");
    if (!is_restart_consented(daemon, err))
        return false;
    return faces->may_hand_over == NULL ||
           faces->may_hand_over(faces->context, err);
}

/* Sockets, their files and their locks; fds has room for three a listener and
 * one more. */
static size_t gather_descriptors(const struct daemon *daemon, int *fds)
{
    const struct daemon_faces *faces = daemon->faces;
    size_t count = 0;

    for (size_t i = 0; i < daemon->listener_count; i++) {
        const struct listener *listener = daemon->listeners[i].listener;
        const int all[] = {listener_fd(listener), listener_place_fd(listener),
            listener_lock_fd(listener)};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            if (all[j] != -1)
                fds[count++] = all[j];
    }
    if (faces->lock_fd != NULL && faces->lock_fd(faces->context) != -1)
        fds[count++] = faces->lock_fd(faces->context);
    return count;
}

/* The HTTP port cannot be shared: it is free before the successor starts. */
static bool start_successor(struct daemon *daemon, struct error *err)
{
    const struct successor_events events = {on_successor, daemon};
    struct error ignored;
    int *fds = xcalloc(3 * daemon->listener_count + 1, sizeof *fds);
    size_t count = gather_descriptors(daemon, fds);

    http_server_free(&daemon->http);
    int edicts_fd = daemon_leave_edicts(daemon);
    char *names = resolver_remembered(daemon->resolver);
    daemon->successor = successor_start(daemon->base, daemon->program_path,
        daemon->argv, fds, count, edicts_fd, names, &events, err);
    free(names);
    if (edicts_fd != -1)
        close(edicts_fd);
    free(fds);
    if (daemon->successor == NULL && !daemon_pages_open(daemon, &ignored))
        log_error("%s", ignored.text);
    return daemon->successor != NULL;
}

bool daemon_restart(struct daemon *daemon, const struct daemon_waiter *waiter,
    struct error *err)
{
    if (daemon->stays)
        elder_adopt();
    if (!may_restart(daemon, err) || !start_successor(daemon, err)) {
        log_error("restart: %s", err->text);
        return false;
    }
    daemon->waiter = *waiter;
    return true;
}

void daemon_forget_waiter(struct daemon *daemon)
{
    daemon->waiter = (struct daemon_waiter){NULL, NULL};
}

void daemon_end_restart(struct daemon *daemon)
{
    if (daemon->successor == NULL)
        return;
    successor_end(&daemon->successor);
    tell_waiter(daemon, false, 0);
}
