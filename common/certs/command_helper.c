/*
 * command_helper.c - the helper that runs on_change commands.
 *
 * Waits for a request, runs one command, answers. Its standard output is the
 * daemon's. A signal of the terminal is none of its business: it ends when
 * its socket does, and lets a running command finish.
 */
#include "common/certs/command.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AFTER_MS 2000 /* of what TERM has not ended */
#define ENVIRONMENT   8

static char *const *find_command(
    const struct config *config, const char *digest)
{
    char own[33];

    for (size_t i = 0; i < config->certificate_count; i++) {
        char *const *argv = config->certificates[i].on_change;
        command_digest(argv, own);
        if (argv[0] != NULL && strcmp(own, digest) == 0)
            return argv;
    }
    return NULL;
}

static void run_child(char *const *argv, const struct command_request *request)
{
    char texts[ENVIRONMENT][4200];
    char *environment[ENVIRONMENT + 1] = {NULL};
    size_t count = 0;
    const char *const pairs[][2] = {
        {"PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"LC_ALL", "C"},
        {"TOLLGATE_CERTIFICATE", request->certificate},
        {"TOLLGATE_DEFAULT_CHAIN", request->default_chain},
        {"TOLLGATE_FINGERPRINTS", request->fingerprints},
        {"TOLLGATE_NOT_AFTER", request->not_after},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        snprintf(texts[count], sizeof texts[count], "%s=%s", pairs[i][0],
            pairs[i][1]);
        environment[count] = texts[count];
        count++;
    }
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    setpgid(0, 0);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing == -1 || dup2(nothing, STDIN_FILENO) == -1)
        _exit(127);
    execve(argv[0], argv, environment);
    _exit(127);
}

/* True: it has ended; by a descriptor, because waiting has no timeout. */
static bool wait_end(int pidfd, uint64_t ms)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    uint64_t until = clock_monotonic_ms() + ms, now;
    int got = 0;

    while (got != 1 && (now = clock_monotonic_ms()) < until)
        got = poll(&ended, 1, (int)(until - now));
    return got == 1;
}

static void describe_status(int status, const char *program, char problem[])
{
    if (WIFSIGNALED(status))
        snprintf(problem, COMMAND_TEXT_SIZE, "%.200s: ended by signal %d",
            program, WTERMSIG(status));
    else if (WEXITSTATUS(status) == 127)
        snprintf(problem, COMMAND_TEXT_SIZE,
            "%.200s: exit status 127 (could it be started?)", program);
    else if (WEXITSTATUS(status) != 0)
        snprintf(problem, COMMAND_TEXT_SIZE, "%.200s: exit status %d", program,
            WEXITSTATUS(status));
}

static void run(char *const *argv, const struct command_request *request,
    char problem[COMMAND_TEXT_SIZE])
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        run_child(argv, request);
    int pidfd = pid == -1 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd == -1) {
        snprintf(
            problem, COMMAND_TEXT_SIZE, "%.100s: %s", argv[0], strerror(errno));
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return;
    }
    bool has_ended = wait_end(pidfd, request->timeout_ms);
    if (!has_ended) {
        kill(-pid, SIGTERM);
        if (!wait_end(pidfd, KILL_AFTER_MS))
            kill(-pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        continue;
    close(pidfd);
    if (has_ended)
        describe_status(status, argv[0], problem);
    else
        snprintf(problem, COMMAND_TEXT_SIZE, "%.200s: not done in %llu ms",
            argv[0], (unsigned long long)request->timeout_ms);
}

static void answer(const struct config *config, struct command_request *request,
    struct command_reply *reply)
{
    request->argv_digest[sizeof request->argv_digest - 1] = '\0';
    request->certificate[sizeof request->certificate - 1] = '\0';
    request->default_chain[sizeof request->default_chain - 1] = '\0';
    request->fingerprints[sizeof request->fingerprints - 1] = '\0';
    request->not_after[sizeof request->not_after - 1] = '\0';
    *reply = (struct command_reply){.id = request->id};
    char *const *argv = find_command(config, request->argv_digest);
    if (argv != NULL)
        run(argv, request, reply->problem);
    else
        snprintf(reply->problem, sizeof reply->problem,
            "not the command that the daemon was started with; start it anew");
}

void command_serve(const struct config *config, int fd)
{
    struct command_request request;
    struct command_reply reply;
    struct pollfd readable = {.fd = 3, .events = POLLIN};

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, number == SIGHUP || number == SIGINT ||
                                     number == SIGTERM || number == SIGUSR1 ||
                                     number == SIGUSR2 || number == SIGPIPE
                                 ? SIG_IGN
                                 : SIG_DFL);
    if (fd != 3 && dup2(fd, 3) == -1)
        _exit(1);
    (void)close_range(4, ~0u, 0);
    (void)fcntl(3, F_SETFD, FD_CLOEXEC);
    (void)prctl(PR_SET_NAME, "on-change");
    for (;;) {
        if (poll(&readable, 1, -1) == -1 && errno != EINTR)
            _exit(1);
        ssize_t got = recv(3, &request, sizeof request, 0);
        if (got == -1 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got != (ssize_t)sizeof request)
            _exit(0);
        answer(config, &request, &reply);
        (void)send(3, &reply, sizeof reply, MSG_NOSIGNAL);
    }
}
