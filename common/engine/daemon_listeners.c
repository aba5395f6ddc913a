/*
 * daemon_listeners.c - opens the listeners of a daemon, as whoever started us.
 *
 * Each comes from the predecessor or systemd, or is bound here. A directory
 * whose name begins with "tollgate" is ours to make; every other is
 * Postfix's, and we wait for it: Postfix makes private/ at its first start and
 * refuses one that is not its own.
 */
#include "common/engine/daemon_private.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/root_path.h"
#include "common/engine/privileges.h"
#include "common/net/inherit.h"
#include "common/net/unix_socket.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONTROL          "control" /* the face of that socket */
#define WAIT_STEP_MS     100
#define WAIT_LOG_EVERY_S 30

/* The directory of a path, without the last slash. */
static void directory_of(const char *path, char directory[PATH_MAX])
{
    snprintf(directory, PATH_MAX, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash != NULL)
        *slash = '\0';
}

static bool make_directory(const struct daemon *daemon, const char *directory)
{
    struct error ignored;
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (geteuid() == 0)
        (void)privileges_find_user(daemon->config->user, &uid, &gid, &ignored);
    if (!unix_socket_is_our_directory(directory) ||
        !root_path_make_folder(directory, 0755, uid, gid, false))
        return false;
    log_info("%s: made, it was missing", directory);
    return true;
}

/* False: a signal says that we shall not wait any longer. */
static bool wait_step(void)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    bool goes_on = sigtimedwait(&ending, NULL, &step) == -1;
    sigprocmask(SIG_UNBLOCK, &ending, NULL);
    return goes_on;
}

/* Makes the directory of a path, or waits a moment for it. steps: 0 at first.
 * False: we shall not wait any longer. */
static bool await_directory(
    struct daemon *daemon, const char *path, unsigned *steps, struct error *err)
{
    char directory[PATH_MAX];

    directory_of(path, directory);
    if (make_directory(daemon, directory))
        return true;
    if ((*steps)++ % (WAIT_LOG_EVERY_S * 1000 / WAIT_STEP_MS) == 0)
        log_info("%s: waiting for Postfix to make it", directory);
    if (!wait_step()) {
        daemon->phase = DAEMON_DRAINING;
        return error_set(err, "%s: stopped while waiting for it", directory);
    }
    return true;
}

static bool bind_patiently(struct daemon *daemon,
    const struct config_listener *config,
    const struct listener_options *options, struct listener **listener_r,
    struct error *err)
{
    unsigned steps = 0;

    for (;;) {
        switch (listener_open(config, options, listener_r, err)) {
        case LISTENER_READY:
            return true;
        case LISTENER_FAILED:
            return false;
        case LISTENER_NO_DIRECTORY:
            if (!await_directory(daemon, config->path, &steps, err))
                return false;
        }
    }
}

bool daemon_face_bind(struct daemon *daemon, struct error *err)
{
    const struct daemon_faces *faces = daemon->faces;
    const char *path = NULL;
    unsigned steps = 0;

    while (faces->bind != NULL) {
        switch (faces->bind(
            faces->context, daemon->config, &daemon->inherited, &path, err)) {
        case LISTENER_READY:
            return true;
        case LISTENER_FAILED:
            return false;
        case LISTENER_NO_DIRECTORY:
            if (!await_directory(daemon, path, &steps, err))
                return false;
        }
    }
    return true;
}

/* systemd keeps a socket whose file was removed or replaced, and nobody comes
 * to it any more. Where a program lives at the path, all stays as it is, and
 * the listener says that it is displaced. */
static void replace_lent(const struct config_listener *config,
    const struct listener_options *options, struct listener **listener)
{
    struct listener *own;
    struct error err;

    if (listener_open(config, options, &own, &err) != LISTENER_READY) {
        log_warn("%s", err.text);
        return;
    }
    listener_close(listener, false);
    *listener = own;
    log_warn("%s: systemd's socket was no longer at its path; one of our own "
             "is there now (\"systemctl restart tollgate-policyd.socket\" puts "
             "systemd's back)",
        config->text);
}

/* From the predecessor or from systemd; fd -1: neither had it. */
static bool adopt_one(struct daemon *daemon,
    const struct config_listener *config, int fd, int place_fd,
    const struct listener_options *options, struct listener **listener_r,
    struct error *err)
{
    if (!listener_adopt(config, fd, place_fd, options, listener_r, err))
        return false;
    if (config->is_inet)
        return true;
    if (place_fd != -1)
        listener_take_lock(
            *listener_r, inherit_claim_lock(&daemon->inherited, config->path));
    else if (!listener_is_held(*listener_r))
        replace_lent(config, options, listener_r);
    return true;
}

static bool open_one(struct daemon *daemon,
    const struct config_listener *config,
    const struct listener_options *options, struct listener **listener_r,
    struct error *err)
{
    int place_fd;
    int fd = inherit_claim(&daemon->inherited, config, &place_fd);

    if (fd != -1)
        return adopt_one(
            daemon, config, fd, place_fd, options, listener_r, err);
    return bind_patiently(daemon, config, options, listener_r, err);
}

static bool open_face(struct daemon *daemon,
    const struct config_listener *config, struct error *err)
{
    struct daemon_listener *listener =
        &daemon->listeners[daemon->listener_count];
    struct listener_options options;

    listener->daemon = daemon;
    if (!daemon->faces->listener_options(daemon->config, config, &options, err))
        return false;
    options.allowed_peers =
        daemon->faces->allowed_peers(daemon->config, config);
    if (!open_one(daemon, config, &options, &listener->listener, err))
        return false;
    daemon->listener_count++;
    return true;
}

/* A group that does not exist is no reason not to start: the socket is then
 * root's and our own user's. Where the group's mode lets our user in anyway,
 * root is the owner: without CAP_DAC_OVERRIDE, as in a container, it could not
 * connect. */
static bool control_options(const struct config *config,
    struct listener_options *options_r, struct error *err)
{
    gid_t ignored, own;

    *options_r = (struct listener_options){
        .mode = config->control_mode, .group = (gid_t)-1, .owner = (uid_t)-1};
    if (geteuid() != 0)
        return true;
    if (!privileges_find_user(config->user, &options_r->owner, &ignored, err) ||
        !privileges_find_group(config->group, &own, err))
        return false;
    if (config->control_group[0] != '\0' &&
        !privileges_find_group(config->control_group, &options_r->group, err)) {
        log_warn("control_group: %s; the control socket has none", err->text);
        options_r->group = (gid_t)-1;
    }
    if (options_r->group == own && (config->control_mode & 0060) == 0060)
        options_r->owner = 0;
    return true;
}

/* Of a directory that nobody has made: mail does not wait for it. */
static bool bind_control(struct daemon *daemon,
    const struct config_listener *config,
    const struct listener_options *options, struct listener **listener_r,
    struct error *err)
{
    char directory[PATH_MAX];
    enum listener_wait wait = listener_open(config, options, listener_r, err);

    directory_of(config->path, directory);
    if (wait == LISTENER_NO_DIRECTORY && make_directory(daemon, directory))
        wait = listener_open(config, options, listener_r, err);
    if (wait == LISTENER_NO_DIRECTORY)
        log_warn("%s; there is no control socket", err->text);
    return wait != LISTENER_FAILED;
}

static bool open_control(struct daemon *daemon, struct error *err)
{
    struct daemon_listener *listener =
        &daemon->listeners[daemon->listener_count];
    const char *path = daemon->faces->control(daemon->config);
    char text[PATH_MAX], face[] = CONTROL;
    const struct config_listener config = {
        .text = text, .face = face, .path = text};
    struct listener_options options;
    int place_fd;

    if (*path == '\0')
        return true;
    snprintf(text, sizeof text, "%s", path);
    if (!control_options(daemon->config, &options, err))
        return false;
    listener->daemon = daemon;
    int fd = inherit_claim(&daemon->inherited, &config, &place_fd);
    if (fd != -1 ? !adopt_one(daemon, &config, fd, place_fd, &options,
                       &listener->listener, err)
                 : !bind_control(
                       daemon, &config, &options, &listener->listener, err))
        return false;
    if (listener->listener != NULL)
        daemon->listener_count++;
    return true;
}

bool daemon_listeners_open(struct daemon *daemon, struct error *err)
{
    const struct config_listeners *configs =
        daemon->faces->listeners(daemon->config);

    inherit_take(&daemon->inherited);
    daemon->listeners = xcalloc(configs->count + 1, sizeof *daemon->listeners);
    for (size_t i = 0; i < configs->count; i++)
        if (!open_face(daemon, &configs->items[i], err))
            return false;
    return open_control(daemon, err);
}

static void on_accept(int fd, void *context)
{
    struct daemon_listener *listener = context;
    const struct daemon_faces *faces = listener->daemon->faces;
    const struct config_listener *config = listener_config(listener->listener);

    if (strcmp(config->face, CONTROL) == 0)
        faces->on_control(faces->context, fd);
    else
        faces->on_accept(faces->context, config, fd);
}

static void on_displaced(bool is_displaced, void *context)
{
    struct daemon_listener *listener = context;
    uint64_t *displaced = &engine_metrics(listener->daemon->engine)->displaced;

    *displaced = is_displaced ? *displaced + 1 : *displaced - 1;
}

bool daemon_listeners_start(struct daemon *daemon, struct error *err)
{
    for (size_t i = 0; i < daemon->listener_count; i++) {
        struct daemon_listener *listener = &daemon->listeners[i];
        const struct listener_events events = {
            on_accept, on_displaced, listener};
        if (!listener_start(listener->listener, daemon->base, &events, err))
            return false;
    }
    return true;
}

void daemon_listeners_follow(struct daemon *daemon, const struct config *config)
{
    for (size_t i = 0; i < daemon->listener_count; i++)
        listener_allow_peers(daemon->listeners[i].listener,
            daemon->faces->allowed_peers(
                config, listener_config(daemon->listeners[i].listener)));
}

void daemon_listeners_close(struct daemon *daemon, bool unlink_sockets)
{
    for (size_t i = 0; i < daemon->listener_count; i++)
        listener_close(&daemon->listeners[i].listener, unlink_sockets);
    free(daemon->listeners);
    daemon->listeners = NULL;
    daemon->listener_count = 0;
}
