/*
 * elder.c - see elder.h.
 *
 * Successors are told from other orphans by their name, which is ours: a
 * successor of a successor becomes our child when its parent ends. One that
 * dies leaves no child of that name, and so we end and the engine starts the
 * container again.
 */
#include "common/engine/elder.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE  "TOLLGATE_ELDER"
#define NAME_SIZE 17 /* of /proc/PID/comm, with its newline */
#define SIGNALS   5

struct elder {
    struct event_base *base;
    struct event *events[SIGNALS];
    bool is_ending;
    int status; /* of the successor that ended last */
};

static bool read_name(const char *pid, char name[NAME_SIZE])
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return false;
    ssize_t got = read(fd, name, NAME_SIZE - 1);
    close(fd);
    name[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static bool is_named_as_we(pid_t pid)
{
    char number[16], ours[NAME_SIZE], theirs[NAME_SIZE];

    (void)snprintf(number, sizeof number, "%d", (int)pid);
    return read_name("self", ours) && read_name(number, theirs) &&
           strcmp(ours, theirs) == 0;
}

static bool is_init_of_an_engine(void)
{
    static const char *const names[] = {
        "docker-init\n", "tini\n", "catatonit\n", "dumb-init\n"};
    char name[NAME_SIZE];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (read_name("1", name) && strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool elder_is_needed(void)
{
    pid_t parent = getppid();

    return getpid() == 1 || parent == 0 ||
           (parent == 1 && is_init_of_an_engine());
}

void elder_reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

void elder_adopt(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* What comes before the elder has its handlers waits: pid 1 would lose it. */
void elder_become(const char *program, char *const *argv)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    /* The helper of on_change ends when no daemon holds its socket. */
    (void)close_range(STDERR_FILENO + 1, ~0u, 0);
    if (setenv(VARIABLE, "1", 1) == 0)
        (void)execv(program, argv);
}

bool elder_is_meant(void)
{
    bool is_meant = getenv(VARIABLE) != NULL;

    (void)unsetenv(VARIABLE);
    return is_meant;
}

/* To every successor that is our child; false: there is none. signal 0: only
 * looks. */
static bool pass_on(int signal)
{
    bool is_any = false;
    int pid;
    FILE *children = fopen("/proc/thread-self/children", "re");

    if (children == NULL)
        return false;
    while (fscanf(children, "%d", &pid) == 1)
        if (is_named_as_we(pid) && kill(pid, signal) == 0)
            is_any = true;
    (void)fclose(children);
    return is_any;
}

/* Like a shell's. */
static int status_of(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
                                  : 128 + WTERMSIG(wait_status);
}

static void look(struct elder *elder)
{
    siginfo_t ended = {0};
    int status;

    while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid != 0) {
        bool is_successor = is_named_as_we(ended.si_pid);
        if (waitpid(ended.si_pid, &status, 0) > 0 && is_successor)
            elder->status = status_of(status);
        ended.si_pid = 0;
    }
    if (!pass_on(elder->is_ending ? SIGTERM : 0))
        event_base_loopbreak(elder->base);
}

static void on_signal(evutil_socket_t signal, short what, void *context)
{
    struct elder *elder = context;

    if (signal == SIGTERM || signal == SIGINT)
        elder->is_ending = true;
    if (signal == SIGHUP || signal == SIGUSR2)
        (void)pass_on((int)signal);
    else
        look(elder);
}

int elder_serve(void)
{
    static const int signals[SIGNALS] = {
        SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR2};
    struct elder elder = {.base = event_base_new(), .status = EXIT_FAILURE};
    sigset_t none;

    if (elder.base == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < SIGNALS; i++) {
        elder.events[i] =
            evsignal_new(elder.base, signals[i], on_signal, &elder);
        event_add(elder.events[i], NULL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* What has ended before. */
    event_active(elder.events[0], EV_SIGNAL, 1);
    event_base_dispatch(elder.base);
    for (size_t i = 0; i < SIGNALS; i++)
        event_free(elder.events[i]);
    event_base_free(elder.base);
    return elder.status;
}
