/*
 * certs.c - see certs.h. When to look, and what a name gets.
 */
#include "common/certs/certs.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/certs/atomic_file.h"
#include "common/certs/certificate.h"
#include "common/certs/certs_metrics.h"
#include "common/certs/command.h"
#include "common/certs/watch.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_S 60
/* After a look that found something wrong: 100 ms, doubled up to 5 s. What has
 * not become right by then is left to the watch and the poll. */
#define RETRY_MS     100
#define RETRY_MS_MAX 5000
#define RETRIES_MAX  8
/* A tool in the middle of its work is not worth a line in the log. */
#define RETRIES_SILENT 3

struct certs {
    struct event_base *base;
    struct config *config; /* held */
    struct certificate **items;
    size_t count;
    struct watch *watch;
    struct event *poll, *retry, *command;
    unsigned retries;
    int command_fd;
    bool is_retired;
};

bool certs_prepare(const struct config *config, uid_t uid, gid_t gid,
    struct certs_start *start, struct error *err)
{
    for (size_t i = 0; i < config->certificate_count; i++) {
        const struct config_certificate *one = &config->certificates[i];
        const char *const files[] = {one->default_chain, one->refresh_map};
        for (size_t f = 0; f < 2; f++)
            if (files[f][0] != '\0' &&
                !atomic_file_make_folder(files[f], uid, gid, err))
                return false;
    }
    return command_start(config, &start->command_fd, err);
}

static void warn_expiry(struct certs *certs)
{
    int64_t now_s = (int64_t)(clock_wall_ms() / 1000);
    int64_t warning_s =
        (int64_t)(certs->config->certificate_expiry_warning_ms / 1000);

    for (size_t i = 0; i < certs->count; i++)
        certificate_warn_expiry(certs->items[i], now_s, warning_s);
}

/* True: something is wrong. */
static bool look_at_all(struct certs *certs, bool is_first)
{
    struct file_paths paths = {0};
    bool is_wrong = false;

    for (size_t i = 0; i < certs->count; i++) {
        certificate_look(certs->items[i], is_first, &paths);
        is_wrong = is_wrong || certs->items[i]->problem != NULL;
    }
    watch_set(certs->watch, &paths);
    file_paths_clear(&paths);
    return is_wrong;
}

static void log_problems(struct certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        certificate_log_problem(certs->items[i]);
}

static void retry_later(struct certs *certs)
{
    uint64_t ms = (uint64_t)RETRY_MS << certs->retries;

    if (certs->retries++ >= RETRIES_MAX)
        return;
    if (ms > RETRY_MS_MAX)
        ms = RETRY_MS_MAX;
    const struct timeval after = {.tv_sec = (time_t)(ms / 1000),
        .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    evtimer_add(certs->retry, &after);
}

static void certs_look(struct certs *certs)
{
    if (!look_at_all(certs, false))
        return;
    if (certs->retries >= RETRIES_SILENT)
        log_problems(certs);
    retry_later(certs);
}

static void certs_on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    certs_look(context);
}

static void certs_on_watch(void *context)
{
    struct certs *certs = context;

    certs->retries = 0;
    evtimer_del(certs->retry);
    certs_look(certs);
}

static void certs_on_poll(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    certs_on_watch(context);
    warn_expiry(context);
}

static void certs_on_command(evutil_socket_t fd, short what, void *context)
{
    struct certs *certs = context;
    struct command_reply reply;
    ssize_t got = recv(fd, &reply, sizeof reply, MSG_DONTWAIT);

    (void)what;
    if (got == -1)
        return;
    if (got != (ssize_t)sizeof reply) {
        log_error("on_change: the helper has ended; only a new start brings "
                  "it back");
        event_free(certs->command);
        certs->command = NULL;
        close(certs->command_fd);
        certs->command_fd = -1;
        return;
    }
    reply.problem[sizeof reply.problem - 1] = '\0';
    for (size_t i = 0; i < certs->count; i++)
        if (certs->items[i]->publication.command_id == reply.id)
            publication_on_reply(certs->items[i], reply.problem);
}

/* Takes over what the certificate of the same title has in use. */
static void add_items(
    struct certs *certs, struct certificate **old, size_t old_count)
{
    certs->count = certs->config->certificate_count;
    certs->items = xcalloc(certs->count + 1, sizeof *certs->items);
    for (size_t i = 0; i < certs->count; i++) {
        certs->items[i] =
            certificate_new(certs->base, &certs->config->certificates[i],
                &certs->command_fd, &certs->is_retired);
        publication_make_map(certs->items[i]);
        for (size_t o = 0; o < old_count; o++)
            if (strcmp(old[o]->config->title, certs->items[i]->config->title) ==
                0)
                certificate_inherit(certs->items[i], old[o]);
    }
}

static void free_items(struct certificate **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        certificate_free(&items[i]);
    free(items);
}

/* People wait for the outcome: problems are logged at once. */
static void look_aloud(struct certs *certs, bool is_first)
{
    /* A process that holds keys leaves none of them in a core dump. */
    if (certs->count > 0)
        (void)prctl(PR_SET_DUMPABLE, 0);
    certs->retries = 0;
    evtimer_del(certs->retry);
    if (look_at_all(certs, is_first)) {
        log_problems(certs);
        retry_later(certs);
    }
    warn_expiry(certs);
}

struct certs *certs_new(struct event_base *base, struct config *config,
    const struct certs_start *start)
{
    const struct timeval every = {.tv_sec = POLL_S};
    struct certs *certs = xcalloc(1, sizeof *certs);

    certs->base = base;
    certs->config = config_ref(config);
    certs->command_fd = start->command_fd;
    certs->watch = watch_new(base, certs_on_watch, certs);
    certs->poll = event_new(base, -1, EV_PERSIST, certs_on_poll, certs);
    certs->retry = evtimer_new(base, certs_on_retry, certs);
    event_add(certs->poll, &every);
    if (certs->command_fd != -1) {
        certs->command = event_new(base, certs->command_fd,
            EV_READ | EV_PERSIST, certs_on_command, certs);
        event_add(certs->command, NULL);
    }
    add_items(certs, NULL, 0);
    look_aloud(certs, true);
    return certs;
}

void certs_free(struct certs **certs)
{
    struct certs *c = *certs;

    if (c == NULL)
        return;
    free_items(c->items, c->count);
    watch_free(&c->watch);
    event_free(c->poll);
    event_free(c->retry);
    if (c->command != NULL)
        event_free(c->command);
    if (c->command_fd != -1)
        close(c->command_fd);
    config_unref(&c->config);
    free(c);
    *certs = NULL;
}

void certs_reload(struct certs *certs, struct config *config)
{
    struct certificate **old = certs->items;
    size_t old_count = certs->count;
    struct config *old_config = certs->config;

    certs->config = config_ref(config);
    add_items(certs, old, old_count);
    free_items(old, old_count);
    config_unref(&old_config);
    look_aloud(certs, false);
}

void certs_retire(struct certs *certs)
{
    certs->is_retired = true;
}

/* How well a certificate fits a name: its own name, its wildcard, or only one
 * of the names that its leaf has besides; 0: not at all. */
static unsigned fit(const struct certificate *certificate, const char *name)
{
    unsigned best = 0;

    if (!certificate->config->sni || certificate->reply == NULL)
        return 0;
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (certificate->chains[i] != NULL &&
            !chain_covers(certificate->chains[i], name))
            return 0;
    for (char **own = certificate->config->names; *own != NULL; own++)
        if (strcmp(*own, name) == 0)
            return 3;
        else if (chain_name_matches(*own, name))
            best = 2;
    return best > 0 ? best : 1;
}

const char *certs_find(
    const struct certs *certs, const char *name, size_t *len_r)
{
    const struct certificate *found = NULL;
    unsigned best = 0;

    for (size_t i = 0; i < certs->count; i++) {
        unsigned fits = fit(certs->items[i], name);
        if (fits > best) {
            best = fits;
            found = certs->items[i];
        }
    }
    if (found == NULL)
        return NULL;
    *len_r = found->reply_len;
    return found->reply;
}

void certs_write_metrics(const struct certs *certs, struct evbuffer *out)
{
    certs_metrics_write(certs->items, certs->count, out);
}
