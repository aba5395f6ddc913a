/*
 * main.c - tollgate-milter: the milter face on the engine.
 *
 * The loop runs in the main thread, which gets all signals, and libmilter in a
 * second one. Only puts the parts together.
 */
#include "common/base/log.h"
#include "common/control/control_server.h"
#include "common/control/status_page.h"
#include "common/engine/daemon.h"
#include "common/engine/privileges.h"
#include "milter/accept_guard.h"
#include "milter/bridge.h"
#include "milter/callbacks.h"
#include "milter/question.h"
#include "milter/socket.h"
#include "milter/turnaway.h"

#include <event2/event.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define WATCH_S   1
#define LINGER_MS 500 /* accepted sessions have been heard of by then */

struct milter {
    struct daemon *daemon;
    struct milter_socket *socket;
    struct bridge *bridge;
    struct judge *judge;
    struct control_server *control;
    struct status_page *page;
    struct turnaways *turnaways;
    struct event *watch, *linger;
    bool is_registered, is_displaced, has_lingered;
};

static const struct config_listeners *milter_listeners(
    const struct config *config)
{
    static const struct config_listeners none;

    return &none;
}

static unsigned milter_serves(const struct config *config)
{
    return 1u << FACE_MILTER;
}

static const char *milter_http(const struct config *config)
{
    return config->milter.http;
}

static const char *milter_control(const struct config *config)
{
    return config->milter.control;
}

static const struct cidr_list *milter_allowed_peers(
    const struct config *config, const struct config_listener *listener)
{
    return NULL;
}

/* A session is a descriptor, and libmilter gives up where it gets none. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static enum listener_wait milter_bind(void *context,
    const struct config *config, struct inherit *inherited, const char **path_r,
    struct error *err)
{
    struct milter *milter = context;
    struct milter_socket_owner owner;
    uid_t ignored_uid;
    gid_t ignored_gid;

    if (config->milter.listen[0] == '\0') {
        error_set(err, "milter.listen is empty; name a socket");
        return LISTENER_FAILED;
    }
    *path_r = config->milter.listen + sizeof "unix:" - 1;
    raise_descriptor_limit();
    owner.owner = (uid_t)-1;
    if (!privileges_find_user(
            config->postfix_user, &ignored_uid, &owner.group, err) ||
        (geteuid() == 0 && !privileges_find_user(
                               config->user, &owner.owner, &ignored_gid, err)))
        return LISTENER_FAILED;
    if (!milter->is_registered && !callbacks_register(err))
        return LISTENER_FAILED;
    milter->is_registered = true;
    return milter_socket_open(config, &owner, inherited, &milter->socket, err);
}

static int milter_lock_fd(void *context)
{
    const struct milter *milter = context;

    return milter_socket_lock_fd(milter->socket);
}

static void on_watch(evutil_socket_t fd, short what, void *context)
{
    struct milter *milter = context;
    bool is_displaced = !milter_socket_is_held(milter->socket);
    uint64_t *displaced =
        &engine_metrics(daemon_engine(milter->daemon))->displaced;

    if (daemon_is_leaving(milter->daemon) ||
        is_displaced == milter->is_displaced)
        return;
    milter->is_displaced = is_displaced;
    *displaced = is_displaced ? 1 : 0;
    if (is_displaced)
        log_error("%s: our socket is no longer there: it was removed or "
                  "replaced; new connections do not reach us",
            milter_socket_text(milter->socket));
    else
        log_info("%s: our socket is there again",
            milter_socket_text(milter->socket));
}

static void on_libmilter_end(int status, void *context)
{
    struct milter *milter = context;

    log_error("libmilter has given up (%d); see syslog", status);
    daemon_fail(milter->daemon);
}

static bool milter_start(
    void *context, struct daemon *daemon, struct error *err)
{
    struct milter *milter = context;

    milter->daemon = daemon;
    milter->bridge = bridge_new(daemon_base(daemon), err);
    if (milter->bridge == NULL)
        return false;
    milter->judge = judge_new(daemon, milter->bridge);
    milter->turnaways = turnaways_new(daemon);
    accept_guard_begin(
        milter->bridge, daemon_engine(daemon), milter->turnaways);
    callbacks_prepare(
        milter->judge, milter->bridge, milter_socket_is_inet(milter->socket));
    milter->watch =
        event_new(daemon_base(daemon), -1, EV_PERSIST, on_watch, milter);
    const struct control_host host = {daemon, NULL, 1u << FACE_MILTER};
    milter->control = control_server_new(&host);
    milter->page = status_page_new(&host);
    return true;
}

/* Over inet nothing can be proven anyway, and sessions are told so. */
static bool milter_check_guard(struct milter *milter, struct error *err)
{
    const struct config *config = engine_config(daemon_engine(milter->daemon));

    if (!config->wants_proof || milter_socket_is_inet(milter->socket))
        return true;
    int fd = milter_socket_connect(milter->socket, err);
    return fd != -1 && accept_guard_check(fd, err);
}

static bool milter_serve(void *context, struct error *err)
{
    struct milter *milter = context;
    const struct bridge_thread thread = {
        callbacks_run, on_libmilter_end, milter};
    const struct timeval second = {.tv_sec = WATCH_S};

    if (!bridge_start_thread(milter->bridge, &thread, err) ||
        !milter_check_guard(milter, err) ||
        !milter_socket_publish(milter->socket, err))
        return false;
    /* A successor's socket is not in its place before. */
    event_add(milter->watch, &second);
    return true;
}

static void milter_reload(void *context, const struct config *config)
{
    struct milter *milter = context;

    judge_follow(milter->judge, config);
    accept_guard_follow();
    control_server_reload(milter->control);
}

static void milter_on_control(void *context, int fd)
{
    struct milter *milter = context;

    control_server_add(milter->control, fd);
}

static bool milter_may_hand_over(void *context, struct error *err)
{
    struct milter *milter = context;

    if (!milter_socket_is_inet(milter->socket))
        return true;
    return error_set(err,
        "%s cannot be handed over; stop and start, or listen on unix:",
        milter_socket_text(milter->socket));
}

static void on_linger(evutil_socket_t fd, short what, void *context)
{
    struct milter *milter = context;

    milter->has_lingered = true;
    daemon_session_ended(milter->daemon);
}

/* What the kernel and libmilter have accepted and we have not heard of yet
 * would be cut off: so sessions must be none when a while has passed. */
static bool milter_drain(void *context)
{
    struct milter *milter = context;
    const struct timeval linger = {.tv_usec = LINGER_MS * 1000};

    milter_socket_withdraw(milter->socket);
    if (bridge_sessions(milter->bridge) > 0 ||
        turnaways_count(milter->turnaways) > 0) {
        milter->has_lingered = false;
        return false;
    }
    if (milter->has_lingered)
        return true;
    if (milter->linger == NULL)
        milter->linger =
            evtimer_new(daemon_base(milter->daemon), on_linger, milter);
    evtimer_add(milter->linger, &linger);
    return false;
}

/*
 * libmilter is not told: its threads end with the process. smfi_stop would
 * wait up to five seconds for its listener, and then lock a mutex that the
 * listener may have destroyed.
 */
static void milter_stop(void *context)
{
    struct milter *milter = context;

    status_page_free(&milter->page);
    control_server_free(&milter->control);
    if (milter->socket != NULL)
        milter_socket_withdraw(milter->socket);
    if (milter->bridge != NULL) {
        accept_guard_end();
        turnaways_free(&milter->turnaways);
        bridge_close(milter->bridge);
        judge_close(milter->judge);
        event_free(milter->watch);
    }
    if (milter->linger != NULL)
        event_free(milter->linger);
    milter_socket_free(&milter->socket);
}

int main(int argc, char **argv)
{
    static struct milter milter;
    static const struct daemon_faces faces = {
        .program = "tollgate-milter",
        .context = &milter,
        .listeners = milter_listeners,
        .serves = milter_serves,
        .http = milter_http,
        .control = milter_control,
        .on_control = milter_on_control,
        .allowed_peers = milter_allowed_peers,
        .bind = milter_bind,
        .lock_fd = milter_lock_fd,
        .start = milter_start,
        .serve = milter_serve,
        .reload = milter_reload,
        .may_hand_over = milter_may_hand_over,
        .drain = milter_drain,
        .stop = milter_stop,
    };

    int status = daemon_main(argc, argv, &faces);
    (void)fflush(stdout);
    /* exit() would destroy what libmilter's threads still use. */
    _exit(status);
}
