/*
 * postfix_limits.c - see postfix_limits.h.
 *
 * The process reports lines "KIND NUMBER SERVICE", of main.cf without a
 * service, and a last one with the folder of the configuration. What does not
 * fit into a report is left out.
 */
#include "common/engine/postfix_limits.h"

#include "common/base/alloc.h"
#include "common/base/child.h"
#include "common/base/decimal.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/certs/task.h"

#include <assert.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_S          1
#define AGAIN_S          60
#define POSTCONF_TIME_MS 20000 /* it pauses where a file is new */
#define SERVICES_MAX     32    /* that have a limit of their own */
#define SERVICE_SIZE     64

const char *const postfix_client_limits[EVENT_KINDS] = {
    [EVENT_CONNECTION] = "smtpd_client_connection_rate_limit",
    [EVENT_CONNECTION_COUNT] = "smtpd_client_connection_count_limit",
    [EVENT_MESSAGE] = "smtpd_client_message_rate_limit",
    [EVENT_RECIPIENT] = "smtpd_client_recipient_rate_limit",
    [EVENT_TLS] = "smtpd_client_new_tls_session_rate_limit",
    [EVENT_AUTH] = "smtpd_client_auth_rate_limit",
};

struct postfix_limit {
    char service[SERVICE_SIZE];
    enum event_kind kind;
    uint32_t n;
};

struct postfix_limits {
    struct event *timer;
    struct task *task; /* NULL: none is at work */
    bool is_due;
    uint32_t main[EVENT_KINDS];
    struct postfix_limit services[SERVICES_MAX];
    size_t count;
    char folder[PATH_MAX];   /* of main.cf; "": not known */
    struct timespec seen[2]; /* times of main.cf and master.cf */
};

/*
 * In the process of its own.
 */

static bool find_kind(const char *name, size_t length, enum event_kind *kind_r)
{
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
        const char *limit = postfix_client_limits[kind];
        if (limit == NULL || strlen(limit) != length ||
            memcmp(limit, name, length) != 0)
            continue;
        *kind_r = (enum event_kind)kind;
        return true;
    }
    return false;
}

/* A whole line more, if it fits. */
static void report_line(struct task_report *report, const char *line)
{
    size_t used = strlen(report->text), length = strlen(line);

    if (length < sizeof report->text - used)
        memcpy(report->text + used, line, length + 1);
}

/* "NAME = VALUE" of postconf, or "SERVICE/TYPE/NAME = VALUE". */
static void take_line(struct task_report *report, const char *line)
{
    const char *equals = strstr(line, " = "), *name = line, *slash, *end;
    char text[SERVICE_SIZE + 32];
    enum event_kind kind;
    uint64_t n;

    if (equals == NULL)
        return;
    for (slash = line; slash < equals; slash++)
        if (*slash == '/')
            name = slash + 1;
    end = equals + strlen(" = ");
    if (!find_kind(name, (size_t)(equals - name), &kind) ||
        !decimal_read(&end, INT32_MAX, &n) || *end != '\0')
        return;
    const char *service_end = memchr(line, '/', (size_t)(name - line));
    int length = service_end != NULL ? (int)(service_end - line) : 0;
    if (length >= SERVICE_SIZE)
        return;
    (void)snprintf(text, sizeof text, "%u %lu %.*s\n", (unsigned)kind,
        (unsigned long)n, length, line);
    report_line(report, text);
}

static bool run(const char *const *argv, struct task_report *report,
    void (*take)(struct task_report *, const char *line))
{
    struct error err;
    char *output, *rest, *line;

    if (!program_read(argv, POSTCONF_TIME_MS, &output, &err))
        return false;
    for (line = strtok_r(output, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        take(report, line);
    free(output);
    return true;
}

static void take_folder(struct task_report *report, const char *line)
{
    char text[PATH_MAX + 2];

    (void)snprintf(text, sizeof text, "%s\n", line);
    report_line(report, text);
}

static void ask_postconf(const void *argument, struct task_report *report)
{
    static const char *const folder[] = {
        "postconf", "-h", "config_directory", NULL};
    static const char *const services[] = {"postconf", "-Px", NULL};
    const char *main[EVENT_KINDS + 3] = {"postconf", "-x"};
    size_t count = 2;

    if (!child_give_up_capabilities())
        return;
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
        if (postfix_client_limits[kind] != NULL)
            main[count++] = postfix_client_limits[kind];
    if (run(folder, report, take_folder) && run(main, report, take_line))
        (void)run(services, report, take_line);
}

/*
 * In the daemon.
 */

static void read_line(struct postfix_limits *limits, const char *at)
{
    uint64_t kind, n;

    if (!decimal_read(&at, EVENT_KINDS - 1, &kind) || *at++ != ' ' ||
        !decimal_read(&at, INT32_MAX, &n) || *at++ != ' ')
        return;
    if (*at == '\0') {
        limits->main[kind] = (uint32_t)n;
    } else if (limits->count < SERVICES_MAX) {
        struct postfix_limit *limit = &limits->services[limits->count++];
        limit->kind = (enum event_kind)kind;
        limit->n = (uint32_t)n;
        (void)snprintf(limit->service, SERVICE_SIZE, "%s", at);
    }
}

static void read_times(
    const struct postfix_limits *limits, struct timespec times_r[2])
{
    static const char *const names[2] = {"main.cf", "master.cf"};
    struct stat found;

    memset(times_r, 0, 2 * sizeof *times_r);
    for (size_t i = 0; i < 2 && limits->folder[0] != '\0'; i++) {
        char *path = xprintf("%s/%s", limits->folder, names[i]);
        if (stat(path, &found) == 0)
            times_r[i] = found.st_mtim;
        free(path);
    }
}

static void on_asked(void *context, const char *report)
{
    struct postfix_limits *limits = context;
    char *text = xstrdup(report), *rest;
    const char *line = strtok_r(text, "\n", &rest);

    limits->task = NULL;
    limits->folder[0] = '\0';
    limits->count = 0;
    memset(limits->main, 0, sizeof limits->main);
    if (line != NULL && line[0] == '/')
        (void)snprintf(limits->folder, sizeof limits->folder, "%s", line);
    while ((line = strtok_r(NULL, "\n", &rest)) != NULL)
        read_line(limits, line);
    free(text);
}

static void ask(struct postfix_limits *limits)
{
    struct error err;

    limits->is_due = false;
    read_times(limits, limits->seen);
    limits->task = task_start(event_get_base(limits->timer), ask_postconf, NULL,
        on_asked, limits, &err);
    if (limits->task == NULL)
        log_debug("postconf: %s", err.text);
}

static bool has_changed(const struct postfix_limits *limits)
{
    struct timespec now[2];

    read_times(limits, now);
    return memcmp(now, limits->seen, sizeof now) != 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct postfix_limits *limits = context;
    const struct timeval again = {.tv_sec = AGAIN_S};

    task_end(&limits->task); /* one that still runs after a minute */
    if (limits->is_due || has_changed(limits))
        ask(limits);
    event_add(limits->timer, &again);
}

void postfix_limits_look(struct postfix_limits *limits)
{
    const struct timeval first = {.tv_sec = FIRST_S};

    limits->is_due = true;
    event_add(limits->timer, &first);
}

struct postfix_limits *postfix_limits_new(struct event_base *base)
{
    struct postfix_limits *limits = xcalloc(1, sizeof *limits);

    limits->timer = evtimer_new(base, on_timer, limits);
    assert(limits->timer != NULL);
    postfix_limits_look(limits);
    return limits;
}

void postfix_limits_free(struct postfix_limits **limits_p)
{
    struct postfix_limits *limits = *limits_p;

    if (limits == NULL)
        return;
    task_end(&limits->task);
    event_free(limits->timer);
    free(limits);
    *limits_p = NULL;
}

uint32_t postfix_limits_of(const struct postfix_limits *limits,
    const char *service, enum event_kind kind)
{
    if (limits == NULL)
        return 0;
    for (size_t i = 0; i < limits->count; i++)
        if (limits->services[i].kind == kind &&
            strcmp(limits->services[i].service, service) == 0)
            return limits->services[i].n;
    return limits->main[kind];
}
