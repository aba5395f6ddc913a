/*
 * program.c - run a program of the system's and keep what it prints.
 *
 * Both of its outputs are read together, because one that nobody reads would
 * stop it. What it leaves running is none of our business: we go when its
 * outputs are closed, or kill it when its time is over.
 */
#include "common/base/program.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPLAINT_MAX 4096

struct stream {
    int fd; /* -1: at its end */
    char *text;
    size_t len, size; /* size: with room for a NUL */
    size_t max;
    bool is_cut; /* there was more than max */
};

static void run_child(const char *const *argv, int output, int complaint)
{
    int nothing = open("/dev/null", O_RDONLY);

    if (nothing == -1 || dup2(nothing, STDIN_FILENO) == -1 ||
        dup2(output, STDOUT_FILENO) == -1 ||
        dup2(complaint, STDERR_FILENO) == -1)
        _exit(126);
    (void)close_range(3, ~0u, 0);
    if (setenv("PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
            "/sbin:/bin",
            1) == -1 ||
        setenv("LC_ALL", "C", 1) == -1)
        _exit(126);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void stream_read(struct stream *stream)
{
    char chunk[16384];
    ssize_t got = read(stream->fd, chunk, sizeof chunk);

    if (got == -1 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close(stream->fd);
        stream->fd = -1;
        return;
    }
    size_t len = (size_t)got;
    if (len > stream->max - stream->len) {
        len = stream->max - stream->len;
        stream->is_cut = true;
    }
    if (stream->len + len + 1 > stream->size) {
        stream->size = 2 * (stream->len + len) + 1;
        stream->text = xrealloc(stream->text, stream->size);
    }
    memcpy(stream->text + stream->len, chunk, len);
    stream->len += len;
    stream->text[stream->len] = '\0';
}

/* False: time is over, or there is too much of the first one. */
static bool read_both(struct stream streams[2], unsigned time_ms)
{
    uint64_t until = clock_monotonic_ms() + time_ms;

    while (streams[0].fd != -1 || streams[1].fd != -1) {
        struct pollfd polled[2] = {
            {.fd = streams[0].fd, .events = POLLIN},
            {.fd = streams[1].fd, .events = POLLIN},
        };
        uint64_t now = clock_monotonic_ms();
        if (now >= until || streams[0].is_cut)
            return false;
        if (poll(polled, 2, (int)(until - now)) <= 0)
            continue;
        for (size_t i = 0; i < 2; i++)
            if (polled[i].fd != -1 && polled[i].revents != 0)
                stream_read(&streams[i]);
    }
    return true;
}

/* The last of its lines, without the newline. */
static const char *last_line(struct stream *complaint)
{
    while (complaint->len > 0 && complaint->text[complaint->len - 1] == '\n')
        complaint->text[--complaint->len] = '\0';
    const char *newline = strrchr(complaint->text, '\n');
    return newline != NULL ? newline + 1 : complaint->text;
}

static bool judge(const char *program, bool is_done, int status,
    struct stream streams[2], struct error *err)
{
    if (!is_done && streams[0].is_cut)
        return error_set(err, "%s: more than %d bytes of output", program,
            PROGRAM_OUTPUT_MAX);
    if (!is_done)
        return error_set(err, "%s: not done in time", program);
    if (WIFSIGNALED(status))
        return error_set(
            err, "%s: ended by signal %d", program, WTERMSIG(status));
    if (WEXITSTATUS(status) == 127 && streams[1].len == 0)
        return error_set(
            err, "%s: cannot be started; is it installed?", program);
    if (WEXITSTATUS(status) != 0)
        return error_set(err, "%s: exit status %d: %s", program,
            WEXITSTATUS(status), last_line(&streams[1]));
    return true;
}

static pid_t start(
    const char *const *argv, struct stream streams[2], struct error *err)
{
    int output[2], complaint[2];

    if (pipe2(output, O_CLOEXEC) == -1) {
        error_set(err, "pipe: %s", strerror(errno));
        return -1;
    }
    if (pipe2(complaint, O_CLOEXEC) == -1) {
        error_set(err, "pipe: %s", strerror(errno));
        close(output[0]);
        close(output[1]);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        run_child(argv, output[1], complaint[1]);
    if (pid == -1)
        error_set(err, "fork: %s", strerror(errno));
    close(output[1]);
    close(complaint[1]);
    streams[0].fd = output[0];
    streams[1].fd = complaint[0];
    return pid;
}

bool program_read(const char *const *argv, unsigned time_ms, char **output_r,
    struct error *err)
{
    struct stream streams[2] = {
        {.fd = -1, .max = PROGRAM_OUTPUT_MAX},
        {.fd = -1, .max = COMPLAINT_MAX},
    };
    int status = 0;
    bool is_well = false;

    for (size_t i = 0; i < 2; i++)
        streams[i].text = xcalloc(streams[i].size = 1, 1);
    pid_t pid = start(argv, streams, err);
    if (pid != -1) {
        bool is_done = read_both(streams, time_ms);
        if (!is_done)
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
            continue;
        is_well = judge(argv[0], is_done, status, streams, err);
    }
    for (size_t i = 0; i < 2; i++)
        if (streams[i].fd != -1)
            close(streams[i].fd);
    free(streams[1].text);
    *output_r = is_well ? streams[0].text : NULL;
    if (!is_well)
        free(streams[0].text);
    return is_well;
}
