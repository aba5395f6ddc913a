/*
 * certs.c - see certs.h. What there is, and what a name gets.
 */
#include "common/certs/certs_private.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/certs/atomic_file.h"
#include "common/certs/certificate.h"
#include "common/certs/certs_metrics.h"
#include "common/certs/command.h"
#include "common/certs/watch.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool certs_prepare(const struct config *config, uid_t uid, gid_t gid,
    struct certs_start *start, struct error *err)
{
    for (size_t i = 0; i < config->certificate_count; i++) {
        const struct config_certificate *one = &config->certificates[i];
        const char *const files[] = {one->default_chain, one->refresh_map};
        static const char *const names[] = {"default_chain", "refresh_map"};
        for (size_t f = 0; f < 2; f++)
            if (files[f][0] != '\0' &&
                !atomic_file_make_folder(files[f], uid, gid, err))
                return error_prefix(
                    err, "certificate \"%s\": %s: ", one->title, names[f]);
    }
    return command_start(config, &start->command_fd, err);
}

static void certs_on_command(evutil_socket_t fd, short what, void *context)
{
    struct certs *certs = context;
    struct command_reply reply;
    ssize_t got = recv(fd, &reply, sizeof reply, MSG_DONTWAIT);

    if (got == -1)
        return;
    if (got != (ssize_t)sizeof reply) {
        log_error("on_change: the helper has ended; only a new start brings "
                  "it back");
        event_free(certs->command);
        certs->command = NULL;
        close(certs->publisher.command_fd);
        certs->publisher.command_fd = -1;
        return;
    }
    reply.problem[sizeof reply.problem - 1] = '\0';
    reply.certificate[sizeof reply.certificate - 1] = '\0';
    for (size_t i = 0; i < certs->count; i++)
        if (strcmp(certs->items[i]->config->title, reply.certificate) == 0)
            publication_on_reply(certs->items[i], &reply);
}

/* Takes over what the certificate of the same title has in use. */
static void add_items(
    struct certs *certs, struct certificate **old, size_t old_count)
{
    certs->count = certs->config->certificate_count;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers, as meant */
    certs->items = xcalloc(certs->count + 1, sizeof *certs->items);
    for (size_t i = 0; i < certs->count; i++) {
        certs->items[i] = certificate_new(
            certs->base, &certs->config->certificates[i], &certs->publisher);
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

struct certs *certs_new(struct event_base *base, struct config *config,
    const struct certs_start *start)
{
    struct certs *certs = xcalloc(1, sizeof *certs);

    certs->base = base;
    certs->config = config_ref(config);
    certs->publisher.command_fd = start->command_fd;
    certs->publisher.certs = certs;
    schedule_init(certs);
    if (certs->publisher.command_fd != -1) {
        certs->command = event_new(base, certs->publisher.command_fd,
            EV_READ | EV_PERSIST, certs_on_command, certs);
        event_add(certs->command, NULL);
    }
    add_items(certs, NULL, 0);
    schedule_look_first(certs);
    return certs;
}

void certs_free(struct certs **certs)
{
    struct certs *c = *certs;

    if (c == NULL)
        return;
    schedule_clear(c);
    free_items(c->items, c->count);
    if (c->command != NULL)
        event_free(c->command);
    if (c->publisher.command_fd != -1)
        close(c->publisher.command_fd);
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
    schedule_follow(certs);
    free_items(old, old_count);
    config_unref(&old_config);
}

void certs_retire(
    struct certs *certs, void (*on_idle)(void *context), void *context)
{
    certs->publisher.is_retired = true;
    certs->publisher.on_idle = on_idle;
    certs->publisher.context = context;
    /* The answers are the successor's. */
    if (certs->command != NULL)
        event_del(certs->command);
}

bool certs_is_idle(const struct certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        if (publication_is_writing(certs->items[i]))
            return false;
    return true;
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

void certs_wipe_keys(const struct certs *certs)
{
    for (size_t i = 0; i < certs->count; i++) {
        const struct certificate *certificate = certs->items[i];
        if (certificate->reply != NULL)
            OPENSSL_cleanse(certificate->reply, certificate->reply_len);
        for (unsigned a = 0; a < CHAIN_ALGORITHMS; a++)
            if (certificate->chains[a] != NULL)
                OPENSSL_cleanse(certificate->chains[a]->pem,
                    certificate->chains[a]->pem_len);
    }
}

bool certs_report(
    const struct certs *certs, size_t index, struct certs_report *report_r)
{
    if (index >= certs->count)
        return false;
    certificate_report(certs->items[index], report_r);
    return true;
}

void certs_write_metrics(const struct certs *certs, struct evbuffer *out)
{
    certs_metrics_write(certs->items, certs->count, out);
}
