/*
 * publish.c - the ways out of a change: the default chain's file, the refresh
 * map that retires smtpd processes, the command.
 *
 * In this order, each only after the one before: a new smtpd must find the
 * new chain. A step that fails is tried again, ever more slowly; a later
 * change takes the place of an unfinished one.
 *
 * The map is renamed over twice: smtpd reads its chain before it opens the
 * map, so one that started just between the two would keep the old chain.
 */
#include "common/certs/certificate.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/certs/atomic_file.h"
#include "common/certs/command.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAP_AGAIN_MS      2000
#define RETRY_MS          1000
#define RETRY_DOUBLINGS   6 /* 64 s */
#define COMMAND_RETRY_MS  5000
#define COMMAND_TRIES_MAX 10

/* An empty cdb: 256 tables of no entries, all at the end of the file. Source:
 * D. J. Bernstein, cdb: "A structure for constant databases". */
#define CDB_TABLES 256
#define CDB_SIZE   (CDB_TABLES * 8)

static void publication_on_timer(evutil_socket_t, short, void *);

void publication_init(struct certificate *certificate, struct event_base *base)
{
    certificate->publication.timer =
        evtimer_new(base, publication_on_timer, certificate);
}

void publication_clear(struct certificate *certificate)
{
    event_free(certificate->publication.timer);
}

static void run_after(struct certificate *certificate, uint64_t ms)
{
    const struct timeval after = {.tv_sec = (time_t)(ms / 1000),
        .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    evtimer_add(certificate->publication.timer, &after);
}

static uint64_t backoff_ms(uint64_t first_ms, unsigned attempts)
{
    return first_ms << (attempts < RETRY_DOUBLINGS ? attempts
                                                   : RETRY_DOUBLINGS);
}

static bool fail(struct certificate *certificate, const char *text)
{
    uint64_t ms = backoff_ms(RETRY_MS, certificate->publication.attempts++);

    certificate->failures++;
    log_error("certificate \"%s\": %s; next attempt in %" PRIu64 " ms",
        certificate->config->title, text, ms);
    run_after(certificate, ms);
    return false;
}

static bool write_map(const char *path, struct error *err)
{
    unsigned char map[CDB_SIZE] = {0};

    for (size_t i = 0; i < CDB_TABLES; i++)
        map[8 * i + 1] = CDB_SIZE >> 8;
    return atomic_file_write(path, map, sizeof map, 0644, err);
}

void publication_make_map(struct certificate *certificate)
{
    const char *path = certificate->config->refresh_map;
    struct error err;

    if (*path == '\0' || access(path, F_OK) == 0)
        return;
    if (!write_map(path, &err))
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

static bool publish_chain(struct certificate *certificate)
{
    size_t len;
    struct error err;
    char *pem = choice_pem(certificate->chains, &len);
    bool is_good = atomic_file_write(
        certificate->config->default_chain, pem, len, 0600, &err);

    OPENSSL_cleanse(pem, len);
    free(pem);
    if (!is_good)
        return fail(certificate, err.text);
    certificate->publication.needs_chain = false;
    certificate->publication.attempts = 0;
    log_info("certificate \"%s\": written to %s", certificate->config->title,
        certificate->config->default_chain);
    return true;
}

static bool publish_map(struct certificate *certificate)
{
    struct publication *publication = &certificate->publication;
    struct error err;
    bool is_second = !publication->needs_map;

    if (!write_map(certificate->config->refresh_map, &err))
        return fail(certificate, err.text);
    publication->needs_map = false;
    publication->needs_map_again = !is_second;
    publication->attempts = 0;
    if (!is_second)
        run_after(certificate, MAP_AGAIN_MS);
    return true;
}

static void fill_request(
    const struct certificate *certificate, struct command_request *request)
{
    int64_t first = 0;
    size_t at = 0;

    *request =
        (struct command_request){.id = certificate->publication.command_id,
            .timeout_ms = certificate->config->on_change_timeout_ms};
    command_digest(certificate->config->on_change, request->argv_digest);
    snprintf(request->certificate, sizeof request->certificate, "%s",
        certificate->config->title);
    snprintf(request->default_chain, sizeof request->default_chain, "%s",
        certificate->config->default_chain);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        const struct chain *chain = certificate->chains[i];
        if (chain == NULL)
            continue;
        at += (size_t)snprintf(request->fingerprints + at,
            sizeof request->fingerprints - at, "%s%s", at > 0 ? " " : "",
            chain->fingerprint);
        if (first == 0 || chain->not_after < first)
            first = chain->not_after;
    }
    snprintf(request->not_after, sizeof request->not_after, "%" PRId64, first);
}

/* Identities differ over a restart too: an answer to the predecessor's
 * question must not pass for one to ours. */
static uint64_t next_id(void)
{
    static uint64_t count;
    return (uint64_t)getpid() << 32 | ++count;
}

static void run_command(struct certificate *certificate)
{
    struct publication *publication = &certificate->publication;
    struct command_request request;

    publication->needs_command = false;
    publication->command_id = next_id();
    fill_request(certificate, &request);
    if (*certificate->command_fd != -1 &&
        send(*certificate->command_fd, &request, sizeof request,
            MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof request)
        return;
    publication_on_reply(
        certificate, *certificate->command_fd == -1
                         ? "on_change was not there at start; start anew for it"
                         : strerror(errno));
}

void publication_on_reply(struct certificate *certificate, const char *problem)
{
    struct publication *publication = &certificate->publication;
    unsigned attempts = publication->command_attempts++;

    publication->command_id = 0;
    if (*problem == '\0') {
        log_info(
            "certificate \"%s\": on_change done", certificate->config->title);
        return;
    }
    certificate->failures++;
    if (attempts + 1 >= COMMAND_TRIES_MAX || *certificate->command_fd == -1) {
        log_error("certificate \"%s\": on_change: %s; given up",
            certificate->config->title, problem);
        return;
    }
    uint64_t ms = backoff_ms(COMMAND_RETRY_MS, attempts);
    log_error("certificate \"%s\": on_change: %s; next attempt in %" PRIu64
              " ms",
        certificate->config->title, problem, ms);
    publication->needs_command = true;
    run_after(certificate, ms);
}

static void publication_on_timer(evutil_socket_t fd, short what, void *context)
{
    struct certificate *certificate = context;
    struct publication *publication = &certificate->publication;

    (void)fd;
    (void)what;
    if (publication->needs_chain && !publish_chain(certificate))
        return;
    if ((publication->needs_map || publication->needs_map_again) &&
        !publish_map(certificate))
        return;
    if (publication->needs_command)
        run_command(certificate);
}

void publication_begin(struct certificate *certificate, bool is_first)
{
    struct publication *publication = &certificate->publication;
    const struct config_certificate *config = certificate->config;
    bool has_file = config->default_chain[0] != '\0';

    if (*certificate->is_retired || certificate->reply == NULL ||
        (has_file ? is_published(certificate) : is_first))
        return;
    publication->needs_chain = has_file;
    publication->needs_map = config->refresh_map[0] != '\0';
    publication->needs_map_again = false;
    publication->needs_command = config->on_change[0] != NULL;
    publication->attempts = 0;
    publication->command_attempts = 0;
    publication_on_timer(-1, 0, certificate);
}
