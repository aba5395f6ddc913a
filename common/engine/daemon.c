/*
 * daemon.c - see daemon.h.
 *
 * The start-up order is the list in daemon_serve; read it from top to bottom.
 * Only this file decides the exit status.
 */
#include "common/engine/daemon.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/daemon_private.h"
#include "common/engine/elder.h"
#include "common/engine/log_gather.h"
#include "common/engine/names_watch.h"
#include "common/engine/notice_helper.h"
#include "common/engine/notices.h"
#include "common/engine/privileges.h"
#include "common/net/event_log.h"
#include "common/net/notify.h"
#include "common/net/resolver.h"
#include "common/net/trust.h"

#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STORE_PATIENCE_S 1 /* at start; a Redis that is away is no error */

enum { EXIT_CLEAN = 0, EXIT_CONFIGURATION = 1, EXIT_START = 2 };

bool daemon_log_open(
    const struct daemon *daemon, const struct config *config, struct error *err)
{
    return log_open(config->log, config->log_format,
        daemon->options.verbose ? LOG_LEVEL_DEBUG : config->log_level,
        daemon->faces->program, err);
}

void daemon_log_warnings(const struct config *config)
{
    for (size_t i = 0; i < config->warning_count; i++)
        log_warn("%s", config->warnings[i]);
}

/*
 * The parent stays until the child serves, and its exit status says whether
 * it does; so a caller of -d knows when it can go on.
 */
static bool daemon_detach(struct daemon *daemon, struct error *err)
{
    int ready[2];
    char byte;

    if (pipe2(ready, O_CLOEXEC) == -1)
        return error_set(err, "pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == -1)
        return error_set(err, "fork: %s", strerror(errno));
    if (pid > 0) {
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? EXIT_CLEAN : EXIT_START);
    }
    close(ready[0]);
    daemon->parent_fd = ready[1];
    setsid();
    return true;
}

/* Descriptors 0 to 2 stay open until we serve, so that errors reach whoever
 * started us; who waits for their end waits no longer then. log = "stderr"
 * goes on to it. */
static void daemon_leave_terminal(const struct daemon *daemon)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd == -1) {
        log_warn("/dev/null: %s", strerror(errno));
        return;
    }
    (void)dup2(fd, STDIN_FILENO);
    (void)dup2(fd, STDOUT_FILENO);
    if (strcmp(daemon->config->log, "stderr") != 0)
        (void)dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static void daemon_report_ready(struct daemon *daemon)
{
    successor_report_ready();
    notify_ready();
    if (daemon->parent_fd == -1)
        return;
    daemon_leave_terminal(daemon);
    if (write(daemon->parent_fd, "r", 1) != 1)
        log_warn("nobody waits for -d");
    close(daemon->parent_fd);
    daemon->parent_fd = -1;
}

/* Whom we are about to become has to open the log again at each reload. */
static bool daemon_give_log(const struct daemon *daemon, struct error *err)
{
    uid_t uid;
    gid_t gid;

    if (geteuid() != 0)
        return true;
    return privileges_find_user(daemon->config->user, &uid, &gid, err) &&
           privileges_find_group(daemon->config->group, &gid, err) &&
           log_give_to(uid, gid, err);
}

static bool daemon_open_store(struct daemon *daemon, struct error *err)
{
    daemon->store =
        store_open(daemon->base, daemon->resolver, daemon->config, err);
    if (daemon->store == NULL)
        return false;
    daemon_take_edicts(daemon);
    store_serve(daemon->store, daemon->faces->serves(daemon->config));
    daemon->engine = engine_new(daemon->store, daemon->config);
    daemon->notices = notices_new(daemon->base, daemon->store,
        engine_metrics(daemon->engine), daemon->notice_fd);
    engine_use_notices(daemon->engine, daemon->notices);
    daemon->log_gather = log_gather_new(daemon->base);
    engine_use_log_gather(daemon->engine, daemon->log_gather);
    daemon->trust = trust_new(daemon->base, daemon->resolver);
    engine_use_trust(daemon->engine, daemon->trust);
    daemon->names_watch = names_watch_new(daemon->base, daemon->engine);
    return true;
}

static void on_patience_end(evutil_socket_t fd, short what, void *context)
{
    bool *is_over = context;

    *is_over = true;
}

/*
 * What is asked before the store has answered is counted here alone, and is
 * missing from the others' counts. A successor's predecessor serves meanwhile.
 */
static void daemon_await_store(struct daemon *daemon)
{
    const struct timeval patience = {.tv_sec = STORE_PATIENCE_S};
    bool is_over = false;
    struct store_state state;
    struct event *timer = evtimer_new(daemon->base, on_patience_end, &is_over);

    if (timer == NULL || evtimer_add(timer, &patience) == -1)
        is_over = true;
    store_state(daemon->store, &state);
    while (!state.is_available && !is_over &&
           daemon->phase == DAEMON_STARTING &&
           event_base_loop(daemon->base, EVLOOP_ONCE) == 0)
        store_state(daemon->store, &state);
    if (timer != NULL)
        event_free(timer);
}

/* One for each smtpd: the usual soft limit of 1024 is few for that. */
static void daemon_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        log_warn("RLIMIT_NOFILE: %s", strerror(errno));
}

static bool daemon_prepare(struct daemon *daemon, struct error *err)
{
    const struct daemon_faces *faces = daemon->faces;

    return faces->prepare == NULL ||
           faces->prepare(faces->context, daemon->config, err);
}

/* The predecessor's may know other commands than ours. */
static bool start_notice_helper(struct daemon *daemon, struct error *err)
{
    struct config *config = daemon->config;
    size_t said = config->warning_count;

    if (!notice_helper_start(config, &daemon->notice_fd, err))
        return false;
    notice_helper_warn(config);
    for (; said < config->warning_count; said++)
        log_warn("%s", config->warnings[said]);
    return true;
}

static bool daemon_start(struct daemon *daemon, struct error *err)
{
    /* A successor is detached already, and LISTEN_PID names it alone. */
    if (daemon->options.detach && !successor_is_awaited() &&
        !daemon_detach(daemon, err))
        return false;
    daemon_raise_descriptors();
    daemon->base = event_base_new();
    if (daemon->base == NULL)
        return error_set(err, "no event loop: %s", strerror(errno));
    if (!daemon_prepare(daemon, err) || !start_notice_helper(daemon, err) ||
        !daemon_listeners_open(daemon, err) || !daemon_face_bind(daemon, err) ||
        !daemon_give_log(daemon, err) || !daemon_drop_privileges(daemon, err))
        return false;
    inherit_close_rest(&daemon->inherited);
    daemon_signals_install(daemon);
    resolver_use(daemon->resolver, daemon->base);
    if (!daemon_watchdog_start(daemon, err) ||
        !daemon_open_store(daemon, err) || !daemon_pages_open(daemon, err) ||
        !daemon->faces->start(daemon->faces->context, daemon, err))
        return false;
    daemon_await_store(daemon);
    return daemon_listeners_start(daemon, err) &&
           (daemon->faces->serve == NULL ||
               daemon->faces->serve(daemon->faces->context, err));
}

static void on_drain_deadline(evutil_socket_t fd, short what, void *context)
{
    struct daemon *daemon = context;

    log_warn("drain_timeout is over; closing what is still open");
    event_base_loopbreak(daemon->base);
}

static void daemon_set_deadline(struct daemon *daemon)
{
    uint64_t ms = daemon->config->drain_timeout_ms;
    const struct timeval after = clock_span(ms);

    daemon->drain_deadline =
        evtimer_new(daemon->base, on_drain_deadline, daemon);
    evtimer_add(daemon->drain_deadline, &after);
}

void daemon_drain(struct daemon *daemon, bool has_deadline, bool unlink_sockets)
{
    daemon->phase = DAEMON_DRAINING;
    if (daemon->store != NULL)
        store_serve(daemon->store, 0);
    daemon_listeners_close(daemon, unlink_sockets);
    if (has_deadline && daemon->drain_deadline == NULL)
        daemon_set_deadline(daemon);
    daemon_session_ended(daemon);
}

static void on_drain_again(evutil_socket_t fd, short what, void *context)
{
    struct daemon *daemon = context;

    if (daemon->faces->drain(daemon->faces->context))
        event_base_loopexit(daemon->base, NULL);
}

void daemon_session_ended(struct daemon *daemon)
{
    if (daemon->phase != DAEMON_DRAINING)
        return;
    if (daemon->drain_again == NULL)
        daemon->drain_again =
            event_new(daemon->base, -1, 0, on_drain_again, daemon);
    event_active(daemon->drain_again, EV_TIMEOUT, 0);
}

void daemon_fail(struct daemon *daemon)
{
    daemon->has_failed = true;
    event_base_loopbreak(daemon->base);
}

bool daemon_is_leaving(const struct daemon *daemon)
{
    return daemon->phase == DAEMON_DRAINING || daemon->successor != NULL;
}

struct event_base *daemon_base(const struct daemon *daemon)
{
    return daemon->base;
}

struct engine *daemon_engine(const struct daemon *daemon)
{
    return daemon->engine;
}

const char *daemon_program(const struct daemon *daemon)
{
    return daemon->faces->program;
}

const char *daemon_phase_name(const struct daemon *daemon)
{
    static const char *const names[] = {
        [DAEMON_STARTING] = "starting",
        [DAEMON_SERVING] = "serving",
        [DAEMON_DRAINING] = "draining",
    };

    return daemon->successor != NULL ? "restarting" : names[daemon->phase];
}

uint64_t daemon_uptime_ms(const struct daemon *daemon)
{
    return clock_monotonic_ms() - daemon->started_ms;
}

uint64_t daemon_config_age_ms(const struct daemon *daemon)
{
    return clock_monotonic_ms() - daemon->config_ms;
}

static void daemon_free(struct daemon *daemon)
{
    successor_free(&daemon->successor);
    daemon_listeners_close(daemon, daemon->phase == DAEMON_SERVING);
    http_server_free(&daemon->http);
    notices_free(&daemon->notices);
    names_watch_free(&daemon->names_watch);
    engine_free(&daemon->engine);
    log_gather_free(&daemon->log_gather);
    store_close(&daemon->store);
    daemon_signals_free(daemon);
    daemon_watchdog_stop(daemon);
    if (daemon->drain_deadline != NULL)
        event_free(daemon->drain_deadline);
    if (daemon->drain_again != NULL)
        event_free(daemon->drain_again);
    trust_free(&daemon->trust);
    resolver_free(&daemon->resolver);
    if (daemon->base != NULL)
        event_base_free(daemon->base);
    config_unref(&daemon->config);
    config_unref(&daemon->first_config);
    free(daemon->program_path);
}

static int daemon_serve(struct daemon *daemon)
{
    struct error err;

    /* Until there is something to reload or to hand over. */
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    daemon_log_warnings(daemon->config);
    if (!daemon_start(daemon, &err)) {
        bool is_stopped = daemon->phase == DAEMON_DRAINING;
        if (is_stopped)
            log_info("%s", err.text);
        else
            log_error("fatal: %s", err.text);
        daemon->faces->stop(daemon->faces->context);
        return is_stopped ? EXIT_CLEAN : EXIT_START;
    }
    if (daemon->phase == DAEMON_STARTING) {
        daemon->phase = DAEMON_SERVING;
        daemon_report_ready(daemon);
        log_info("%s %s serves, configuration %s", daemon->faces->program,
            PACKAGE_VERSION, daemon->config->hash);
    }
    /* TERM while we waited for the store: its end of the loop is past. */
    daemon_session_ended(daemon);
    event_base_dispatch(daemon->base);
    daemon->faces->stop(daemon->faces->context);
    log_info("stopped");
    return daemon->has_failed ? EXIT_START : EXIT_CLEAN;
}

static int daemon_run(struct daemon *daemon)
{
    struct error err;

    /* Before there is a password or a key that it could have. */
    if (!daemon->options.check_only) {
        daemon->resolver = resolver_new(daemon->argv, "tollgate: resolver");
        resolver_remember(daemon->resolver, successor_names());
    }
    daemon->config = config_load(&daemon->options.source, &err);
    if (daemon->config == NULL) {
        fprintf(stderr, "%s: fatal: %s\n", daemon->faces->program, err.text);
        return EXIT_CONFIGURATION;
    }
    daemon_look_around(daemon->config);
    daemon->first_config = config_ref(daemon->config);
    daemon->started_ms = daemon->config_ms = clock_monotonic_ms();
    if (daemon->options.check_only) {
        for (size_t i = 0; i < daemon->config->warning_count; i++)
            fprintf(stderr, "%s: warning: %s\n", daemon->faces->program,
                daemon->config->warnings[i]);
        return EXIT_CLEAN;
    }
    if (!daemon_log_open(daemon, daemon->config, &err)) {
        fprintf(stderr, "%s: fatal: %s\n", daemon->faces->program, err.text);
        return EXIT_START;
    }
    return daemon_serve(daemon);
}

/* Another TERM has nothing to say to a process that ends: it would only take
 * the exit status away. */
static void end_in_peace(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
}

int daemon_main(int argc, char **argv, const struct daemon_faces *faces)
{
    struct daemon daemon = {
        .faces = faces, .argv = argv, .parent_fd = -1, .notice_fd = -1};

    if (elder_is_meant())
        return elder_serve();
    switch (daemon_options_parse(argc, argv, faces->program, &daemon.options)) {
    case DAEMON_OPTIONS_DONE:
        return EXIT_CLEAN;
    case DAEMON_OPTIONS_BAD:
        return EXIT_CONFIGURATION;
    case DAEMON_OPTIONS_RUN:
        break;
    }
    event_log_take();
    daemon.program_path = successor_program_path(argv[0]);
    daemon.stays = elder_is_needed();
    int status = daemon_run(&daemon);
    if (daemon.heir != 0)
        elder_become(daemon.program_path, argv);
    end_in_peace();
    daemon_free(&daemon);
    return status;
}
