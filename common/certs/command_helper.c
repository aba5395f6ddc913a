/*
 * command_helper.c - the helper that runs on_change commands.
 *
 * Waits for requests, runs one command after the other, answers. Its standard
 * output is the daemon's. A signal of the terminal is none of its business: it
 * ends when its socket does, and lets a running command finish.
 */
#include "common/certs/command.h"

#include "common/base/clock.h"
#include "common/base/memory.h"

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

/* What is to be run, for a certificate. */
struct job {
    struct command_request request;
    bool is_due;
    uint64_t at_ms; /* not before */
    unsigned attempts;
};

struct jobs {
    struct job *items;
    size_t count;
};

static void end_texts(struct command_request *request)
{
    request->argv_digest[sizeof request->argv_digest - 1] = '\0';
    request->certificate[sizeof request->certificate - 1] = '\0';
    request->default_chain[sizeof request->default_chain - 1] = '\0';
    request->fingerprints[sizeof request->fingerprints - 1] = '\0';
    request->not_after[sizeof request->not_after - 1] = '\0';
}

static void jobs_put(struct jobs *jobs, const struct command_request *request)
{
    size_t i = 0;

    while (i < jobs->count && strcmp(jobs->items[i].request.certificate,
                                  request->certificate) != 0)
        i++;
    if (i == jobs->count)
        jobs->items =
            xrealloc(jobs->items, ++jobs->count * sizeof *jobs->items);
    jobs->items[i] = (struct job){
        .request = *request, .is_due = true, .at_ms = clock_monotonic_ms()};
}

/* The one whose time comes first; NULL: none. */
static struct job *jobs_next(struct jobs *jobs)
{
    struct job *next = NULL;

    for (size_t i = 0; i < jobs->count; i++)
        if (jobs->items[i].is_due &&
            (next == NULL || jobs->items[i].at_ms < next->at_ms))
            next = &jobs->items[i];
    return next;
}

static void job_run(
    struct job *job, const struct config *config, struct command_reply *reply)
{
    unsigned doublings = job->attempts < COMMAND_RETRY_DOUBLINGS
                             ? job->attempts
                             : COMMAND_RETRY_DOUBLINGS;
    char *const *argv = find_command(config, job->request.argv_digest);

    *reply = (struct command_reply){.retry_ms = 0};
    memcpy(reply->certificate, job->request.certificate,
        sizeof reply->certificate);
    job->is_due = false;
    if (argv == NULL) {
        snprintf(reply->problem, sizeof reply->problem,
            "not the command that the daemon was started with; start it anew");
        return;
    }
    run(argv, &job->request, reply->problem);
    if (reply->problem[0] == '\0' || ++job->attempts == COMMAND_TRIES_MAX)
        return;
    reply->retry_ms = (uint64_t)COMMAND_RETRY_MS << doublings;
    job->at_ms = clock_monotonic_ms() + reply->retry_ms;
    job->is_due = true;
}

/* All that have come. False: no daemon holds the other end any more. */
static bool take_requests(struct jobs *jobs)
{
    struct command_request request;
    ssize_t got;

    while ((got = recv(3, &request, sizeof request, MSG_DONTWAIT)) ==
           (ssize_t)sizeof request) {
        end_texts(&request);
        jobs_put(jobs, &request);
    }
    return got == -1 && (errno == EAGAIN || errno == EINTR);
}

static void wait_for_work(const struct job *next)
{
    struct pollfd readable = {.fd = 3, .events = POLLIN};
    uint64_t now = clock_monotonic_ms();
    int ms = -1;

    if (next != NULL)
        ms = next->at_ms > now ? (int)(next->at_ms - now) : 0;
    if (poll(&readable, 1, ms) == -1 && errno != EINTR)
        _exit(1);
}

static void serve(const struct config *config)
{
    struct jobs jobs = {.count = 0};
    struct command_reply reply;

    for (;;) {
        struct job *next = jobs_next(&jobs);
        wait_for_work(next);
        if (!take_requests(&jobs))
            _exit(0);
        next = jobs_next(&jobs);
        if (next == NULL || next->at_ms > clock_monotonic_ms())
            continue;
        job_run(next, config, &reply);
        (void)send(3, &reply, sizeof reply, MSG_NOSIGNAL);
    }
}

void command_serve(const struct config *config, int fd)
{
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
    serve(config);
    _exit(0);
}
