/*
 * control_apart.c - see control_apart.h.
 *
 * A fork, not another program: the handler compares files with what this
 * process has in memory. The child is nice, so that decisions go first where
 * there is one CPU.
 */
#include "common/control/control_apart.h"

#include "common/base/alloc.h"
#include "common/engine/daemon.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_FD    3 /* in the child */
#define ANSWER_MAX   (256 * 1024)
#define DEADLINE_S   10
#define REAP_MS      100
#define CHILD_NICE   10
#define READ_AT_ONCE 16384

struct apart {
    struct control_call *call;
    struct event_base *base;
    struct event *readable, *deadline;
    struct evbuffer *answer;
    int fd;
    pid_t pid;
};

static void child_write(void *context, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(ANSWER_FD, bytes, len);
        if (written == -1 && errno != EINTR)
            _exit(1);
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
}

static bool child_has_room(void *context)
{
    return true;
}

static void child_on_over(void *context)
{
    _exit(0);
}

/* Of all descriptors it keeps one: a listening socket, kept open, would look
 * as if somebody served it. */
static void child_run(struct control_call *call, const json_t *arguments,
    int fd) __attribute__((noreturn));

static void child_run(
    struct control_call *call, const json_t *arguments, int fd)
{
    if (fd != ANSWER_FD && dup2(fd, ANSWER_FD) == -1)
        _exit(1);
    (void)close_range(ANSWER_FD + 1, ~0u, 0);
    if (nice(CHILD_NICE) == -1)
        errno = 0;
    call->sink = (struct control_sink){.write = child_write,
        .has_room = child_has_room,
        .on_over = child_on_over};
    call->command->run(call, arguments);
    _exit(1);
}

/* A signal to the child must not come out of our own loop, by its handlers
 * and their pipe. */
static pid_t fork_silently(void)
{
    sigset_t every, before;

    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, &before);
    pid_t pid = fork();
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static void reap(struct event_base *base, pid_t pid);

static void on_reap(evutil_socket_t fd, short what, void *context)
{
    struct apart *apart = context;

    reap(apart->base, apart->pid);
    free(apart);
}

/* One that is killed while its disk hangs ends when the disk does. */
static void reap(struct event_base *base, pid_t pid)
{
    const struct timeval again = {.tv_usec = REAP_MS * 1000};

    if (waitpid(pid, NULL, WNOHANG) != 0)
        return;
    struct apart *later = xcalloc(1, sizeof *later);
    *later = (struct apart){.base = base, .pid = pid};
    event_base_once(base, -1, EV_TIMEOUT, on_reap, later, &again);
}

static void apart_end(void *state)
{
    struct apart *apart = state;

    (void)kill(apart->pid, SIGKILL);
    reap(apart->base, apart->pid);
    event_free(apart->readable);
    event_free(apart->deadline);
    evbuffer_free(apart->answer);
    close(apart->fd);
    free(apart);
}

static void apart_answer(struct apart *apart)
{
    size_t len = evbuffer_get_length(apart->answer);
    const char *bytes = (const char *)evbuffer_pullup(apart->answer, -1);

    if (len > 0 && bytes[len - 1] == '\n')
        control_call_relay(apart->call, bytes, len);
    else
        control_refuse(apart->call, CONTROL_FAILED,
            "%s: the process that does it has ended",
            apart->call->command->name);
}

static void apart_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct apart *apart = context;
    int got = evbuffer_read(apart->answer, fd, READ_AT_ONCE);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        apart_answer(apart);
    else if (evbuffer_get_length(apart->answer) > ANSWER_MAX)
        control_refuse(apart->call, CONTROL_FAILED,
            "%s: its answer is longer than %d bytes",
            apart->call->command->name, ANSWER_MAX);
}

static void apart_on_deadline(evutil_socket_t fd, short what, void *context)
{
    struct apart *apart = context;

    control_refuse(apart->call, CONTROL_FAILED,
        "%s: not done within %d s; is a file or the look-up of a user slow?",
        apart->call->command->name, DEADLINE_S);
}

static void apart_watch(struct control_call *call, int fd, pid_t pid)
{
    const struct timeval deadline = {.tv_sec = DEADLINE_S};
    struct apart *apart = xcalloc(1, sizeof *apart);

    *apart = (struct apart){.call = call,
        .base = daemon_base(call->host->daemon),
        .answer = evbuffer_new(),
        .fd = fd,
        .pid = pid};
    apart->readable = event_new(
        apart->base, fd, EV_READ | EV_PERSIST, apart_on_readable, apart);
    apart->deadline = evtimer_new(apart->base, apart_on_deadline, apart);
    assert(apart->answer != NULL && apart->readable != NULL &&
           apart->deadline != NULL);
    event_add(apart->readable, NULL);
    event_add(apart->deadline, &deadline);
    control_call_keep(call, apart, apart_end);
}

void control_apart_run(struct control_call *call, const json_t *arguments)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1) {
        control_refuse(call, CONTROL_FAILED, "pipe: %s", strerror(errno));
        return;
    }
    pid_t pid = fork_silently();
    if (pid == 0)
        child_run(call, arguments, ends[1]);
    int error_number = errno;
    close(ends[1]);
    if (pid == -1) {
        close(ends[0]);
        control_refuse(
            call, CONTROL_FAILED, "fork: %s", strerror(error_number));
        return;
    }
    (void)evutil_make_socket_nonblocking(ends[0]);
    apart_watch(call, ends[0], pid);
}
