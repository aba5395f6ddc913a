/*
 * successor.c - see successor.h.
 *
 * Everything is allocated before fork: between fork and exec the child only
 * moves descriptors and calls exec, so it does not matter whether the parent
 * has threads.
 */
#include "common/engine/successor.h"

#include "common/base/alloc.h"
#include "common/base/decimal.h"
#include "common/base/log.h"
#include "common/certs/command.h"
#include "common/engine/notice_helper.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD       3 /* where LISTEN_FDS begin: sd_listen_fds(3) */
#define HELPERS        2 /* that outlive us: of on_change and of notify */
#define READY_FD_NAME  "TOLLGATE_READY_FD"
#define LEGACY_FD_NAME "TOLLGATE_LEGACY_FD"
#define NAMES_NAME     "TOLLGATE_FULL_NAMES"

extern char **environ;

struct successor {
    struct event *readable;
    int ready_fd; /* the reading end */
    pid_t pid;
    struct successor_events events;
};

char *successor_program_path(const char *argv0)
{
    char path[PATH_MAX];

    if (strchr(argv0, '/') != NULL && realpath(argv0, path) != NULL)
        return xstrdup(path);
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len < 0)
        return xstrdup(argv0);
    path[len] = '\0';
    return xstrdup(path);
}

static bool is_ours(const char *variable)
{
    /* Without WATCHDOG_PID the watchdog is whoever's that reads its timeout:
     * the successor's too. */
    static const char *const names[] = {"LISTEN_PID=", "LISTEN_FDS=",
        "LISTEN_FDNAMES=", "WATCHDOG_PID=", (READY_FD_NAME "="),
        (LEGACY_FD_NAME "="), (NAMES_NAME "=")};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Room for the child to write its own pid into: LISTEN_PID must be its. */
#define LISTEN_PID_SIZE 32

/* The ready descriptor follows the sockets, and the legacy that one. */
static char **build_environment(
    size_t fd_count, bool has_legacy, const char *names)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;

    char **out = xcalloc(count + 6, sizeof *out);
    size_t used = 0;
    out[used++] = xcalloc(1, LISTEN_PID_SIZE);
    out[used++] = xprintf("LISTEN_FDS=%zu", fd_count);
    out[used++] = xprintf(READY_FD_NAME "=%zu", FIRST_FD + fd_count);
    if (has_legacy)
        out[used++] = xprintf(LEGACY_FD_NAME "=%zu", FIRST_FD + fd_count + 1);
    out[used++] = xprintf(NAMES_NAME "=%s", names);
    for (size_t i = 0; i < count; i++)
        if (!is_ours(environ[i]))
            out[used++] = xstrdup(environ[i]);
    return out;
}

/*
 * In the child. Sources are first moved above all targets, so that none is
 * overwritten before it has been copied.
 */
static void place_descriptors(int *fds, size_t count)
{
    int above = FIRST_FD + (int)count;

    for (size_t i = 0; i < count; i++)
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < count; i++)
        if (fds[i] == -1 || dup2(fds[i], FIRST_FD + (int)i) == -1)
            _exit(127);
}

/* A reload or restart that comes too early is not its end; TERM is. */
static void release_signals(void)
{
    sigset_t none;

    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* From the first on, all but the sockets of helpers; of these -1: none. */
static void close_others(unsigned first, const int helpers[HELPERS])
{
    unsigned low = (unsigned)helpers[0], high = (unsigned)helpers[1];

    if (low > high) {
        low = (unsigned)helpers[1];
        high = (unsigned)helpers[0];
    }
    /* -1 is the largest, and no descriptor. */
    (void)close_range(first, low - 1, 0);
    if (low < high)
        (void)close_range(low + 1, high - 1, 0);
    if (high < UINT_MAX)
        (void)close_range(high + 1, UINT_MAX, 0);
}

static void run_child(const char *program, char *const *argv,
    char **environment, int *fds, size_t count, const int helpers[HELPERS])
{
    place_descriptors(fds, count);
    release_signals();
    /* What a library has left open to it: libmilter's sessions. */
    close_others((unsigned)(FIRST_FD + (int)count), helpers);
    snprintf(environment[0], LISTEN_PID_SIZE, "LISTEN_PID=%d", (int)getpid());
    execve(program, argv, environment);
    _exit(127);
}

static void successor_on_readable(int fd, short what, void *context)
{
    struct successor *successor = context;
    char byte;
    bool is_ready = read(fd, &byte, 1) == 1;

    event_del(successor->readable);
    if (!is_ready)
        waitpid(successor->pid, NULL, 0);
    successor->events.on_result(
        is_ready, successor->pid, successor->events.context);
}

static pid_t successor_fork(const char *program, char *const *argv,
    const int *fds, size_t fd_count, int ready_fd, int legacy_fd,
    const char *names)
{
    bool has_legacy = legacy_fd != -1;
    size_t count = fd_count + (has_legacy ? 2 : 1);
    char **environment = build_environment(fd_count, has_legacy, names);
    const int helpers[HELPERS] = {
        command_left_open(), notice_helper_left_open()};
    int *all = xcalloc(count, sizeof *all);
    for (size_t i = 0; i < fd_count; i++)
        all[i] = fds[i];
    all[fd_count] = ready_fd;
    if (has_legacy)
        all[fd_count + 1] = legacy_fd;

    /* A signal to the child must not come out of our own loop: until exec it
     * has our handlers and their pipe. */
    sigset_t every, before;
    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, &before);
    pid_t pid = fork();
    if (pid == 0)
        run_child(program, argv, environment, all, count, helpers);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(all);
    xfree_texts(environment);
    return pid;
}

struct successor *successor_start(struct event_base *base, const char *program,
    char *const *argv, const int *fds, size_t fd_count, int legacy_fd,
    const char *names, const struct successor_events *events, struct error *err)
{
    int ready[2];

    if (pipe2(ready, O_CLOEXEC) == -1) {
        error_set(err, "pipe: %s", strerror(errno));
        return NULL;
    }
    pid_t pid = successor_fork(
        program, argv, fds, fd_count, ready[1], legacy_fd, names);
    close(ready[1]);
    if (pid == -1) {
        error_set(err, "fork: %s", strerror(errno));
        close(ready[0]);
        return NULL;
    }

    struct successor *successor = xcalloc(1, sizeof *successor);
    successor->pid = pid;
    successor->ready_fd = ready[0];
    successor->events = *events;
    successor->readable = event_new(
        base, ready[0], EV_READ | EV_PERSIST, successor_on_readable, successor);
    event_add(successor->readable, NULL);
    return successor;
}

void successor_end(struct successor **successor)
{
    if (*successor == NULL)
        return;
    if (kill((*successor)->pid, SIGTERM) == -1)
        log_warn("successor %d: %s", (int)(*successor)->pid, strerror(errno));
    successor_free(successor);
}

void successor_free(struct successor **successor)
{
    if (*successor == NULL)
        return;
    event_free((*successor)->readable);
    close((*successor)->ready_fd);
    free(*successor);
    *successor = NULL;
}

const char *successor_names(void)
{
    return getenv(NAMES_NAME);
}

bool successor_is_awaited(void)
{
    return getenv(READY_FD_NAME) != NULL;
}

/* The descriptor that a variable names, which is then no more; -1: none. */
static int take_descriptor(const char *name)
{
    const char *text = getenv(name);
    uint64_t fd = 0;
    bool is_good =
        text != NULL && decimal_read(&text, INT_MAX, &fd) && *text == '\0';

    unsetenv(name);
    return is_good ? (int)fd : -1;
}

static bool is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals != -1 && (seals & F_SEAL_WRITE) != 0;
}

/* A predecessor that does not know the variable passes on what it was given
 * itself. That number is some other descriptor of ours by now, the log's or
 * the loop's: it must not be read, and least of all closed. */
int successor_take_legacy(void)
{
    bool is_named = getenv(LEGACY_FD_NAME) != NULL;
    int fd = take_descriptor(LEGACY_FD_NAME);

    if (fd != -1 && is_sealed(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        return fd;
    if (is_named)
        log_warn(LEGACY_FD_NAME " names no file that a predecessor has left");
    return -1;
}

void successor_report_ready(void)
{
    int fd = take_descriptor(READY_FD_NAME);
    if (fd == -1)
        return;

    if (write(fd, "r", 1) != 1)
        log_warn("cannot tell the predecessor: %s", strerror(errno));
    close(fd);
}
