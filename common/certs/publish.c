/*
 * publish.c - the ways out of a change: the default chain's file, the refresh
 * map that retires smtpd processes, the command.
 *
 * In this order, each only after the one before: a new smtpd must find the
 * new chain. A step that fails is tried again, ever more slowly; a later
 * change takes the place of an unfinished one.
 *
 * The map is renamed over twice: smtpd reads its chain before it opens the
 * map, so one that started just between the two would keep the old chain. The
 * dates of the files tell whether a predecessor has come to that.
 */
#include "common/certs/certificate.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/certs/atomic_file.h"
#include "common/certs/file_writer.h"
#include "common/certs/refresh_map.h"

#include <event2/event.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_MS        1000
#define RETRY_DOUBLINGS 6 /* 64 s */

static void publication_go_on(struct certificate *);
static void publication_on_timer(evutil_socket_t, short, void *);
static void publication_on_written(void *context, const char *problem);

void publication_init(struct certificate *certificate, struct event_base *base)
{
    certificate->publication.timer =
        evtimer_new(base, publication_on_timer, certificate);
}

void publication_clear(struct certificate *certificate)
{
    task_leave(&certificate->publication.writer);
    event_free(certificate->publication.timer);
}

bool publication_is_writing(const struct certificate *certificate)
{
    return certificate->publication.writer != NULL;
}

bool publication_is_coming(const struct certificate *certificate)
{
    const struct publication *publication = &certificate->publication;

    return publication->writer != NULL ||
           (publication->map_again_ms != 0 && !publication->needs_map);
}

static void run_after(struct certificate *certificate, uint64_t ms)
{
    const struct timeval after = clock_span(ms);
    evtimer_add(certificate->publication.timer, &after);
}

void publication_fail(struct certificate *certificate, const char *problem)
{
    unsigned attempts = certificate->publication.attempts++;
    uint64_t ms = (uint64_t)RETRY_MS
                  << (attempts < RETRY_DOUBLINGS ? attempts : RETRY_DOUBLINGS);

    certificate->failures++;
    log_error("certificate \"%s\": %s; next attempt in %" PRIu64 " ms",
        certificate->config->title, problem, ms);
    run_after(certificate, ms);
}

static bool is_missing(const char *path)
{
    return *path != '\0' && access(path, F_OK) == -1;
}

void publication_make_map(struct certificate *certificate)
{
    const char *path = certificate->config->refresh_map;
    unsigned char map[REFRESH_MAP_SIZE];
    struct error err;

    if (!is_missing(path))
        return;
    refresh_map_fill(map);
    if (!atomic_file_write(path, map, sizeof map, REFRESH_MAP_MODE, &err))
        log_error(
            "certificate \"%s\": %s", certificate->config->title, err.text);
}

/* Is that what the file of the default chain holds? */
static bool is_published(const struct certificate *certificate)
{
    size_t len;
    char *pem = choice_pem(certificate->chains, &len);
    bool is = atomic_file_is(certificate->config->default_chain, pem, len);
    OPENSSL_cleanse(pem, len);
    free(pem);
    return is;
}

/* Calls publication_on_written, later or at once. */
static void write_file(struct certificate *certificate, const char *path,
    const void *bytes, size_t len, mode_t mode)
{
    struct publication *publication = &certificate->publication;
    struct error err = {{0}};

    if (publication->is_sync) {
        (void)atomic_file_write(path, bytes, len, mode, &err);
        publication_on_written(certificate, err.text);
        return;
    }
    publication->writer = file_writer_start(event_get_base(publication->timer),
        path, bytes, len, mode, publication_on_written, certificate, &err);
    if (publication->writer == NULL)
        publication_on_written(certificate, err.text);
}

static void write_chain(struct certificate *certificate)
{
    size_t len;
    char *pem = choice_pem(certificate->chains, &len);

    certificate->publication.needs_chain = false;
    certificate->publication.writes_map = false;
    write_file(certificate, certificate->config->default_chain, pem, len, 0600);
    OPENSSL_cleanse(pem, len);
    free(pem);
}

/* The first time of two, unless the second is due. */
static void write_map(struct certificate *certificate)
{
    struct publication *publication = &certificate->publication;
    unsigned char map[REFRESH_MAP_SIZE];

    refresh_map_fill(map);
    publication->map_again_ms =
        publication->needs_map ? clock_monotonic_ms() + REFRESH_MAP_AGAIN_MS
                               : 0;
    publication->needs_map = false;
    publication->writes_map = true;
    write_file(certificate, certificate->config->refresh_map, map, sizeof map,
        REFRESH_MAP_MODE);
}

static void publication_on_written(void *context, const char *problem)
{
    struct certificate *certificate = context;
    struct publication *publication = &certificate->publication;
    bool *needs = publication->writes_map ? &publication->needs_map
                                          : &publication->needs_chain;

    publication->writer = NULL;
    if (*problem != '\0') {
        *needs = true;
        publication_fail(certificate, problem);
    } else {
        publication->attempts = 0;
        *(publication->writes_map ? &publication->map_s
                                  : &publication->chain_s) = clock_wall_s();
        if (!publication->writes_map) {
            verification_restart(certificate);
            log_info("certificate \"%s\": written to %s",
                certificate->config->title, certificate->config->default_chain);
        }
        publication_go_on(certificate);
    }
    if (publication->writer == NULL && certificate->publisher->on_idle != NULL)
        certificate->publisher->on_idle(certificate->publisher->context);
}

/* The next step, if it is time for one. */
static void publication_go_on(struct certificate *certificate)
{
    struct publication *publication = &certificate->publication;
    uint64_t now_ms = clock_monotonic_ms();

    if (publication->writer != NULL)
        return;
    if (publication->needs_chain) {
        write_chain(certificate);
        return;
    }
    if (publication->needs_map) {
        write_map(certificate);
        return;
    }
    if (publication->needs_command && !publication_ask_helper(certificate))
        return;
    if (publication->map_again_ms == 0 || certificate->publisher->is_retired)
        return;
    if (now_ms < publication->map_again_ms)
        run_after(certificate, publication->map_again_ms - now_ms);
    else
        write_map(certificate);
}

static void publication_on_timer(evutil_socket_t fd, short what, void *context)
{
    publication_go_on(context);
}

static bool is_unfinished(const struct publication *publication)
{
    return publication->writer != NULL || publication->needs_chain ||
           publication->needs_map || publication->needs_command;
}

/* The ways out are the same; if not, what the new ones lack is found by the
 * first look. */
void publication_inherit(
    struct certificate *certificate, struct certificate *old)
{
    struct publication *publication = &certificate->publication;
    struct event *timer = publication->timer;

    if (strcmp(certificate->config->default_chain,
            old->config->default_chain) != 0 ||
        strcmp(certificate->config->refresh_map, old->config->refresh_map) != 0)
        return;
    *publication = old->publication;
    publication->timer = timer;
    old->publication.writer = NULL;
    if (publication->writer != NULL)
        task_hand_on(publication->writer, certificate);
    if (is_unfinished(publication) || publication->map_again_ms != 0)
        run_after(certificate, 0);
}

/* What a predecessor has done. */
static void take_dates(struct certificate *certificate)
{
    const struct config_certificate *config = certificate->config;
    struct publication *publication = &certificate->publication;
    struct stat status;

    if (stat(config->default_chain, &status) == 0)
        publication->chain_s = (int64_t)status.st_mtim.tv_sec;
    if (stat(config->refresh_map, &status) == 0)
        publication->map_s = (int64_t)status.st_mtim.tv_sec;
}

/* Which steps are to be done. */
static void set_steps(
    struct certificate *certificate, bool has_changed, bool is_first)
{
    const struct config_certificate *config = certificate->config;
    struct publication *publication = &certificate->publication;
    bool has_file = config->default_chain[0] != '\0';
    bool is_writing = publication->writer != NULL && !publication->writes_map;
    bool is_done = has_file ? !is_writing && is_published(certificate)
                            : is_first || !has_changed;

    if (is_done)
        take_dates(certificate);
    publication->needs_chain = has_file && !is_done;
    publication->needs_map =
        config->refresh_map[0] != '\0' &&
        (!is_done || (publication->map_again_ms == 0 &&
                         refresh_map_is_behind(
                             config->refresh_map, config->default_chain)));
    publication->needs_command = !is_done && config->on_change[0] != NULL;
    publication->attempts = 0;
}

void publication_begin(
    struct certificate *certificate, bool has_changed, bool is_first)
{
    const struct publication *publication = &certificate->publication;

    if (certificate->publisher->is_retired || certificate->reply == NULL)
        return;
    if (!has_changed && is_unfinished(publication))
        return;
    if (!has_changed && !certificate->is_fresh &&
        !is_missing(certificate->config->default_chain))
        return;
    set_steps(certificate, has_changed, is_first);
    certificate->publication.is_sync = is_first;
    publication_go_on(certificate);
    certificate->publication.is_sync = false;
}
