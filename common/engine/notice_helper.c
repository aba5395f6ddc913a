/*
 * notice_helper.c - see notice_helper.h.
 *
 * One command, or POST, at a time: the daemon asks for the next one when it has
 * the reply. What comes over the socket is the daemon's, and holds strangers'
 * texts; notice.c makes arguments of them.
 */
#include "common/engine/notice_helper.h"

#include "common/base/alloc.h"
#include "common/base/http_url.h"
#include "common/base/kept_socket.h"
#include "common/base/log.h"
#include "common/certs/command.h"
#include "common/config/build.h"
#include "common/engine/notice_post.h"
#include "common/engine/privileges.h"

#include <assert.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_SIZE 16384 /* of all that are expanded */
/* Digests of the commands that the helper knows, each with a comma. Unset: not
 * known, since there are more. */
#define KNOWN_VARIABLE "TOLLGATE_NOTIFY_KNOWN"
#define KNOWN_SIZE     33
#define KNOWN_MAX      1000

#define NO_RIGHTS 126 /* exit status: they could not be given up */

struct helper {
    const struct config *config;
    int fd;
    bool is_root; /* then commands run as: */
    uid_t uid;
    gid_t gid;
    uint64_t serial;
};

int notice_helper_left_open(void)
{
    return kept_socket_find(NOTICE_FD_VARIABLE);
}

static char *const *find_command(
    const struct config *config, const char *digest)
{
    char own[33];

    for (size_t i = 0; i < config->limit_count; i++) {
        char *const *argv = config->limits[i].notify;
        if (!limit_tells(&config->limits[i]))
            continue;
        command_digest(argv, own);
        if (strcmp(own, digest) == 0)
            return argv;
    }
    return NULL;
}

/* In the command's process. Without no_new_privs, for postdrop. */
static void give_up_rights(const void *context)
{
    const struct helper *helper = context;

    if (helper->is_root &&
        (setgroups(0, NULL) == -1 ||
            setresgid(helper->gid, helper->gid, helper->gid) == -1 ||
            setresuid(helper->uid, helper->uid, helper->uid) == -1))
        _exit(NO_RIGHTS);
    capng_clear(CAPNG_SELECT_CAPS);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
        _exit(NO_RIGHTS);
}

/* False: the arguments are longer than any sensible ones. */
static bool expand_all(char *const *argv, const struct notice *notice,
    char texts[ARGUMENTS_SIZE], char *expanded[NOTICE_ARGUMENTS_MAX + 1])
{
    size_t used = 0, count = 0;

    for (; argv[count] != NULL && count < NOTICE_ARGUMENTS_MAX; count++) {
        char *text = texts + used;
        if (!notice_expand(argv[count], notice, text, ARGUMENTS_SIZE - used))
            return false;
        used += strlen(text) + 1;
        expanded[count] = text;
    }
    expanded[count] = NULL;
    return argv[count] == NULL;
}

static void run(struct helper *helper, char *const *argv,
    const struct notice *notice, char problem[LAUNCH_PROBLEM_SIZE])
{
    char path[] = LAUNCH_PATH, locale[] = LAUNCH_LOCALE;
    char texts[ARGUMENTS_SIZE], variables[NOTICE_ENVIRONMENT_SIZE];
    char message[NOTICE_MESSAGE_SIZE];
    char *expanded[NOTICE_ARGUMENTS_MAX + 1];
    char *environment[2 + NOTICE_VARIABLES + 1] = {path, locale};
    struct utsname system;

    if (!expand_all(argv, notice, texts, expanded)) {
        (void)snprintf(problem, LAUNCH_PROBLEM_SIZE,
            "%.200s: its arguments are too long", argv[0]);
        return;
    }
    environment[2 + notice_environment(notice, variables, environment + 2)] =
        NULL;
    (void)uname(&system);
    const struct notice_sender sender = {.host = system.nodename,
        .now_s = (int64_t)time(NULL),
        .serial = (uint64_t)getpid() << 32 | helper->serial++};
    const struct launch launch = {.argv = expanded,
        .environment = environment,
        .input = message,
        .input_len = notice_message(notice, &sender, message),
        .timeout_ms = NOTICE_TIMEOUT_MS,
        .prepare = give_up_rights,
        .context = helper};
    launch_run(&launch, problem);
}

struct post {
    const struct helper *helper;
    const struct http_url *url;
    const char *body;
    char *problem; /* in memory that the helper shares */
};

/* In a process of its own, which never comes back. */
static void post_and_exit(const void *context)
{
    const struct post *post = context;
    struct error err;

    give_up_rights(post->helper);
    if (notice_post(post->url, post->body, &err))
        _exit(0);
    (void)snprintf(post->problem, LAUNCH_PROBLEM_SIZE, "%.200s", err.text);
    _exit(1);
}

/* The URL is good, or the configuration would not have it. */
static void run_post(const struct helper *helper, const char *text,
    const struct notice *notice, char problem[LAUNCH_PROBLEM_SIZE])
{
    struct http_url url;
    struct error ignored;
    bool is_url = http_url_parse(text, &url, &ignored);
    char *said = mmap(NULL, LAUNCH_PROBLEM_SIZE, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert(is_url && said != MAP_FAILED);
    char *body = notice_json(notice);
    const struct post post = {helper, &url, body, said};
    const struct launch launch = {.argv = (char *[]){url.origin, NULL},
        .timeout_ms = NOTICE_TIMEOUT_MS,
        .prepare = post_and_exit,
        .context = &post};
    launch_run(&launch, problem);
    said[LAUNCH_PROBLEM_SIZE - 1] = '\0';
    if (problem[0] != '\0' && said[0] != '\0')
        (void)snprintf(
            problem, LAUNCH_PROBLEM_SIZE, "%.100s: %.150s", url.origin, said);
    (void)munmap(said, LAUNCH_PROBLEM_SIZE);
    free(body);
}

static void end_texts(struct notice_request *request)
{
    struct notice *notice = &request->notice;

    request->argv_digest[sizeof request->argv_digest - 1] = '\0';
    notice->limit[sizeof notice->limit - 1] = '\0';
    notice->key[sizeof notice->key - 1] = '\0';
    notice->client[sizeof notice->client - 1] = '\0';
    notice->login[sizeof notice->login - 1] = '\0';
}

/* A limit whose notify a reload has changed: its former one. */
static char *const *find_former(const struct config *config, const char *limit)
{
    char name[NOTICE_NAME_SIZE];

    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *own = &config->limits[i];
        (void)log_escape(name, sizeof name, own->name, strlen(own->name));
        if (limit_tells(own) && strcmp(name, limit) == 0)
            return own->notify;
    }
    return NULL;
}

static void answer(struct helper *helper, struct notice_request *request)
{
    struct notice_reply reply = {
        .owner = request->owner, .serial = request->serial};

    end_texts(request);
    char *const *argv = find_command(helper->config, request->argv_digest);
    if (argv == NULL)
        argv = find_former(helper->config, request->notice.limit);
    if (argv == NULL)
        (void)snprintf(reply.problem, sizeof reply.problem,
            "not a command that the daemon was started with; stop the daemon "
            "and start it");
    else if (http_url_is(argv[0]))
        run_post(helper, argv[0], &request->notice, reply.problem);
    else
        run(helper, argv, &request->notice, reply.problem);
    (void)send(helper->fd, &reply, sizeof reply, MSG_NOSIGNAL);
}

/* Until no daemon holds the other end any more. */
static void serve(struct helper *helper)
{
    struct pollfd readable = {.fd = helper->fd, .events = POLLIN};
    struct notice_request request;

    for (;;) {
        if (poll(&readable, 1, -1) == -1)
            continue;
        ssize_t got = recv(helper->fd, &request, sizeof request, MSG_DONTWAIT);
        if (got == -1 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got != (ssize_t)sizeof request)
            return;
        answer(helper, &request);
    }
}

static bool has_notify(const struct config *config)
{
    for (size_t i = 0; i < config->limit_count; i++)
        if (limit_tells(&config->limits[i]))
            return true;
    return false;
}

/* Into the environment, for us and for successors: their digests. */
static void note_known(const struct config *config)
{
    char *known = xcalloc(KNOWN_MAX + 1, KNOWN_SIZE);
    size_t count = 0;

    for (size_t i = 0; i < config->limit_count && count < KNOWN_MAX; i++) {
        char digest[KNOWN_SIZE];
        if (!limit_tells(&config->limits[i]))
            continue;
        command_digest(config->limits[i].notify, digest);
        if (strstr(known, digest) != NULL)
            continue;
        (void)snprintf(known + strlen(known), KNOWN_SIZE + 1, "%s,", digest);
        count++;
    }
    if (count < KNOWN_MAX)
        setenv(KNOWN_VARIABLE, known, 1);
    free(known);
}

static bool is_known(char *const *argv)
{
    const char *known = getenv(KNOWN_VARIABLE);
    char digest[KNOWN_SIZE];

    command_digest(argv, digest);
    return known == NULL || strstr(known, digest) != NULL;
}

void notice_helper_warn(struct config *config)
{
    bool is_there = notice_helper_left_open() != -1;

    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *limit = &config->limits[i];
        if (limit_tells(limit) && !(is_there && is_known(limit->notify)))
            build_warn(config,
                "limit \"%s\": its notify takes effect when the daemon is "
                "stopped and started, by no reload or restart; until then the "
                "one that it was started with is told, if there was one",
                limit->name);
    }
}

/* As daemon_drop_privileges, for the commands. */
static bool find_user(struct helper *helper, struct error *err)
{
    helper->is_root = geteuid() == 0;
    return !helper->is_root ||
           (privileges_find_user(
                helper->config->user, &helper->uid, &helper->gid, err) &&
               privileges_find_group(helper->config->group, &helper->gid, err));
}

bool notice_helper_start(
    const struct config *config, int *fd, struct error *err)
{
    struct helper helper = {.config = config};
    int helpers;

    *fd = notice_helper_left_open();
    if (*fd != -1 || !has_notify(config))
        return true;
    note_known(config);
    if (!find_user(&helper, err) ||
        !kept_socket_pair(NOTICE_FD_VARIABLE, fd, &helpers, err))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        helper.fd = kept_socket_settle(helpers, "notify");
        if (helper.fd != -1)
            serve(&helper);
        _exit(helper.fd == -1);
    }
    close(helpers);
    if (pid != -1)
        return true;
    close(*fd);
    *fd = -1;
    return error_set(err, "fork: %s", strerror(errno));
}
