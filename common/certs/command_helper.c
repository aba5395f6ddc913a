/*
 * command_helper.c - the helper that runs on_change commands.
 *
 * Waits for requests, runs one command after the other, answers. Its standard
 * output is the daemon's. A signal of the terminal is none of its business: it
 * ends when its socket does, and lets a running command finish.
 */
#include "common/certs/command.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/kept_socket.h"
#include "common/base/launch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENVIRONMENT 8

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

static void run(char *const *argv, const struct command_request *request,
    char problem[COMMAND_TEXT_SIZE])
{
    char texts[ENVIRONMENT][4200];
    char path[] = LAUNCH_PATH, locale[] = LAUNCH_LOCALE;
    char *environment[ENVIRONMENT + 1] = {path, locale};
    size_t count = 2;
    const char *const pairs[][2] = {
        {"TOLLGATE_CERTIFICATE", request->certificate},
        {"TOLLGATE_DEFAULT_CHAIN", request->default_chain},
        {"TOLLGATE_FINGERPRINTS", request->fingerprints},
        {"TOLLGATE_NOT_AFTER", request->not_after},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        snprintf(texts[i], sizeof texts[i], "%s=%s", pairs[i][0], pairs[i][1]);
        environment[count++] = texts[i];
    }
    const struct launch launch = {.argv = argv,
        .environment = environment,
        .timeout_ms = request->timeout_ms};
    launch_run(&launch, problem);
}

_Static_assert(COMMAND_TEXT_SIZE == LAUNCH_PROBLEM_SIZE, "a problem fits");

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
    if (kept_socket_settle(fd, "on-change") == -1)
        _exit(1);
    serve(config);
    _exit(0);
}
