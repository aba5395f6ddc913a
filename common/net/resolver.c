/*
 * resolver.c - the daemon's side of the resolver process.
 *
 * Keeps which full name answered for a name, because the process forgets
 * everything with each question.
 */
#include "common/net/resolver.h"

#include "common/base/alloc.h"
#include "common/base/child.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process ends each question itself; if it does not, it hangs. */
#define PATIENCE_MS  (RESOLVER_LIFE_S * 1000 + 3000)
#define RESTART_MS   100  /* its remains are found by then */
#define RESTARTS_MS  1000 /* not more often */
#define MEMORIES_MAX 1024 /* names; more are not remembered */
/* Bytes for a successor; the kernel takes 128 KiB in a variable. */
#define REMEMBERED_MAX (64 * 1024)

struct memory {
    char *name;
    char full[RESOLVER_NAME_SIZE]; /* in the DNS; "": unknown */
    bool was_local;
    unsigned generation; /* counts the changes of full */
};

struct resolver {
    struct event_base *base; /* NULL: not in use yet */
    char **argv;             /* borrowed */
    const char *title;
    int fd;              /* -1: there is no process */
    pid_t pid, dead_pid; /* dead_pid 0: none is waited for */
    uint64_t started_ms;
    struct event *readable, *restart, *deadline;
    TAILQ_HEAD(, resolver_call) calls; /* in the order of asking */
    size_t call_count;
    uint32_t last_number;
    struct memory *memories;
    size_t memory_count;
    struct resolver_reply reply; /* the one that is being read */
};

bool resolver_is_none(int status)
{
    return status == EAI_NONAME || status == EAI_NODATA ||
           status == EAI_ADDRFAMILY;
}

const char *resolver_why(int status)
{
    switch (status) {
    case RESOLVER_LATE:
        return "no name server has answered";
    case RESOLVER_DIED:
        return "the process that asks has ended";
    case RESOLVER_BUSY:
        return "no process can be started, or too many names are asked for";
    case RESOLVER_TOO_MANY:
        return "too many addresses";
    case RESOLVER_MOVED:
        return "two questions have found two names";
    default:
        return resolver_is_none(status) ? "no such name, or it has no address"
                                        : gai_strerror(status);
    }
}

static void spawn(struct resolver *resolver)
{
    int pair[2];

    resolver->started_ms = clock_monotonic_ms();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        return;
    pid_t pid = child_fork();
    if (pid == 0) {
        if (resolver->argv != NULL)
            child_set_title(resolver->argv, resolver->title);
        resolver_serve(pair[1]);
    }
    close(pair[1]);
    if (pid == -1) {
        close(pair[0]);
        return;
    }
    (void)setpgid(pid, pid);
    resolver->fd = pair[0];
    resolver->pid = pid;
}

struct resolver *resolver_new(char **argv, const char *title)
{
    struct resolver *resolver = xcalloc(1, sizeof *resolver);

    resolver->argv = argv;
    resolver->title = title;
    resolver->fd = -1;
    TAILQ_INIT(&resolver->calls);
    spawn(resolver);
    return resolver;
}

static struct memory *memory_find(
    const struct resolver *resolver, const char *name)
{
    for (size_t i = 0; i < resolver->memory_count; i++)
        if (strcasecmp(resolver->memories[i].name, name) == 0)
            return &resolver->memories[i];
    return NULL;
}

/* NULL: there are too many. */
static struct memory *memory_of(struct resolver *resolver, const char *name)
{
    struct memory *memory = memory_find(resolver, name);

    if (memory != NULL || resolver->memory_count == MEMORIES_MAX)
        return memory;
    resolver->memories = xrealloc(resolver->memories,
        (resolver->memory_count + 1) * sizeof *resolver->memories);
    memory = &resolver->memories[resolver->memory_count++];
    *memory = (struct memory){.name = xstrdup(name)};
    return memory;
}

/* False: meanwhile another question has found another name, which counts. */
static bool memory_take(struct resolver *resolver,
    const struct resolver_call *call, const struct resolver_reply *reply)
{
    struct memory *memory = memory_of(resolver, call->name);

    if (memory == NULL)
        return true;
    if (!reply->is_local && strcasecmp(memory->full, reply->full) != 0) {
        if (call->generation != memory->generation)
            return false;
        memcpy(memory->full, reply->full, sizeof memory->full);
        memory->generation++;
    }
    memory->was_local = reply->is_local != 0;
    return true;
}

/* "name full name full", for as long as it is not too long for an environment.
 */
char *resolver_remembered(const struct resolver *resolver)
{
    char *text = xstrdup("");

    for (size_t i = 0; i < resolver->memory_count; i++) {
        const struct memory *memory = &resolver->memories[i];
        if (memory->full[0] == '\0' || strchr(memory->name, '.') != NULL ||
            strlen(text) > REMEMBERED_MAX)
            continue;
        char *longer = xprintf("%s%s%s %s", text, *text == '\0' ? "" : " ",
            memory->name, memory->full);
        free(text);
        text = longer;
    }
    return text;
}

void resolver_remember(struct resolver *resolver, const char *text)
{
    char *copy = xstrdup(text == NULL ? "" : text), *rest = copy;
    const char *name, *full;

    while ((name = strsep(&rest, " ")) != NULL &&
           (full = strsep(&rest, " ")) != NULL) {
        struct memory *memory = memory_of(resolver, name);
        if (memory != NULL && strlen(full) < sizeof memory->full)
            snprintf(memory->full, sizeof memory->full, "%s", full);
    }
    free(copy);
}

static void unlink_call(struct resolver_call *call)
{
    struct resolver *resolver = call->resolver;

    TAILQ_REMOVE(&resolver->calls, call, entry);
    resolver->call_count--;
    call->resolver = NULL;
}

static void end_call(
    struct resolver_call *call, const struct resolver_reply *end)
{
    unlink_call(call);
    call->on_end(call, end);
}

/* Whoever asks again meanwhile is told that there is no process. */
static void end_all(struct resolver *resolver)
{
    const struct resolver_reply end = {
        .kind = RESOLVER_END, .status = {RESOLVER_DIED, RESOLVER_DIED}};
    struct resolver_call *call;

    while ((call = TAILQ_FIRST(&resolver->calls)) != NULL)
        end_call(call, &end);
}

static void restart_later(struct resolver *resolver)
{
    uint64_t next_ms = resolver->started_ms + RESTARTS_MS;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t ms = next_ms > now_ms + RESTART_MS ? next_ms - now_ms : RESTART_MS;
    const struct timeval after = clock_span(ms);

    evtimer_add(resolver->restart, &after);
}

/* Its end of the socket is closed, or shall be. */
static void lose(struct resolver *resolver)
{
    event_free(resolver->readable);
    resolver->readable = NULL;
    close(resolver->fd);
    resolver->fd = -1;
    resolver->dead_pid = resolver->pid;
    evtimer_del(resolver->deadline);
    restart_later(resolver);
    end_all(resolver);
}

static void lose_killed(struct resolver *resolver, const char *why)
{
    log_error("resolver: process %d %s; another one takes its place",
        (int)resolver->pid, why);
    (void)kill(-resolver->pid, SIGKILL);
    lose(resolver);
}

static void set_deadline(struct resolver *resolver)
{
    const struct resolver_call *oldest = TAILQ_FIRST(&resolver->calls);

    if (oldest == NULL) {
        evtimer_del(resolver->deadline);
        return;
    }
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t at_ms = oldest->asked_ms + PATIENCE_MS;
    const struct timeval after =
        clock_span(at_ms > now_ms ? at_ms - now_ms : 0);
    evtimer_add(resolver->deadline, &after);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    struct resolver *resolver = context;
    const struct resolver_call *oldest = TAILQ_FIRST(&resolver->calls);

    if (oldest == NULL)
        return;
    if (clock_monotonic_ms() < oldest->asked_ms + PATIENCE_MS)
        set_deadline(resolver);
    else
        lose_killed(resolver, "does not answer");
}

static bool is_sound(const struct resolver_reply *reply, ssize_t got)
{
    return got >= (ssize_t)RESOLVER_REPLY_SIZE(0) &&
           reply->count <= RESOLVER_ADDRESSES_MAX &&
           got == (ssize_t)RESOLVER_REPLY_SIZE(reply->count) &&
           reply->family < RESOLVER_FAMILIES &&
           memchr(reply->full, '\0', sizeof reply->full) != NULL;
}

static void take_reply(struct resolver *resolver)
{
    struct resolver_reply *reply = &resolver->reply;
    struct resolver_call *call = TAILQ_FIRST(&resolver->calls);

    while (call != NULL && call->number != reply->number)
        call = TAILQ_NEXT(call, entry);
    if (call == NULL)
        return;
    if (reply->kind == RESOLVER_ADDRESSES) {
        call->is_moved = call->is_moved || !memory_take(resolver, call, reply);
        if (!call->is_moved)
            call->on_addresses(call, reply);
        return;
    }
    if (call->is_moved)
        reply->status[RESOLVER_IPV4] = reply->status[RESOLVER_IPV6] =
            RESOLVER_MOVED;
    end_call(call, reply);
}

/* One message at a turn of the loop. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct resolver *resolver = context;
    ssize_t got =
        recv(fd, &resolver->reply, sizeof resolver->reply, MSG_DONTWAIT);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        log_error("resolver: process %d has ended; another one takes its place",
            (int)resolver->pid);
        lose(resolver);
    } else if (!is_sound(&resolver->reply, got)) {
        lose_killed(resolver, "talks nonsense");
    } else {
        take_reply(resolver);
    }
}

static void listen_to(struct resolver *resolver)
{
    const struct resolver_identity identity = {
        .uid = getuid(), .gid = getgid()};

    if (resolver->fd == -1) {
        log_error("resolver: no process can be started: %s", strerror(errno));
        restart_later(resolver);
        return;
    }
    log_debug("resolver: process %d", (int)resolver->pid);
    /* If it has ended, the next read says so. */
    (void)send(
        resolver->fd, &identity, sizeof identity, MSG_NOSIGNAL | MSG_DONTWAIT);
    resolver->readable = event_new(resolver->base, resolver->fd,
        EV_READ | EV_PERSIST, on_readable, resolver);
    if (resolver->readable == NULL)
        abort();
    event_add(resolver->readable, NULL);
}

/* Those of its group are reaped too: where we are the first process of a
 * container, its workers are ours now. */
static void on_restart(evutil_socket_t fd, short what, void *context)
{
    struct resolver *resolver = context;

    while (resolver->dead_pid != 0 &&
           waitpid(-resolver->dead_pid, NULL, WNOHANG) > 0)
        continue;
    resolver->dead_pid = 0;
    spawn(resolver);
    listen_to(resolver);
}

void resolver_use(struct resolver *resolver, struct event_base *base)
{
    resolver->base = base;
    resolver->restart = evtimer_new(base, on_restart, resolver);
    resolver->deadline = evtimer_new(base, on_deadline, resolver);
    if (resolver->restart == NULL || resolver->deadline == NULL)
        abort();
    listen_to(resolver);
}

void resolver_free(struct resolver **resolver_p)
{
    struct resolver *resolver = *resolver_p;

    if (resolver == NULL)
        return;
    if (resolver->readable != NULL)
        event_free(resolver->readable);
    if (resolver->base != NULL) {
        event_free(resolver->restart);
        event_free(resolver->deadline);
    }
    if (resolver->fd != -1) {
        close(resolver->fd);
        (void)kill(-resolver->pid, SIGKILL);
        while (waitpid(resolver->pid, NULL, 0) == -1 && errno == EINTR)
            continue;
    }
    for (size_t i = 0; i < resolver->memory_count; i++)
        free(resolver->memories[i].name);
    free(resolver->memories);
    free(resolver);
    *resolver_p = NULL;
}

static bool send_question(struct resolver *resolver, struct resolver_call *call)
{
    const struct memory *memory = memory_find(resolver, call->name);
    struct resolver_question question = {.number = ++resolver->last_number};

    (void)snprintf(question.name, sizeof question.name, "%s", call->name);
    call->number = question.number;
    call->generation = 0;
    if (memory != NULL) {
        question.was_local = memory->was_local;
        memcpy(question.full, memory->full, sizeof question.full);
        call->generation = memory->generation;
    }
    return send(resolver->fd, &question, sizeof question,
               MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof question;
}

bool resolver_ask(struct resolver *resolver, struct resolver_call *call)
{
    if (resolver->fd == -1 || resolver->call_count == RESOLVER_QUESTIONS_MAX ||
        strlen(call->name) >= RESOLVER_NAME_SIZE - 1 ||
        !send_question(resolver, call))
        return false;
    call->resolver = resolver;
    call->asked_ms = clock_monotonic_ms();
    call->is_moved = false;
    TAILQ_INSERT_TAIL(&resolver->calls, call, entry);
    resolver->call_count++;
    if (call == TAILQ_FIRST(&resolver->calls))
        set_deadline(resolver);
    return true;
}

void resolver_cancel(struct resolver_call *call)
{
    if (call->resolver != NULL)
        unlink_call(call);
}
