/*
 * certificate.c - chooses among what a look has found, and keeps the reply
 * for the SNI face.
 */
#include "common/certs/certificate.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARN_EVERY_S (24 * 60 * 60)
#define SETTLED_S    30 /* a tool that is at work has ended by then */
/* Files that are the same by their stamps are read all the same. */
#define WHOLE_EVERY_S 3600

struct certificate *certificate_new(struct event_base *base,
    const struct config_certificate *config, struct publisher *publisher)
{
    struct certificate *certificate = xcalloc(1, sizeof *certificate);

    certificate->config = config;
    certificate->publisher = publisher;
    certificate->is_fresh = true;
    publication_init(certificate, base);
    verification_init(certificate, base);
    return certificate;
}

static void clear_reply(struct certificate *certificate)
{
    if (certificate->reply != NULL)
        OPENSSL_cleanse(certificate->reply, certificate->reply_len);
    free(certificate->reply);
    certificate->reply = NULL;
    certificate->reply_len = 0;
}

void certificate_free(struct certificate **certificate)
{
    struct certificate *c = *certificate;

    if (c == NULL)
        return;
    publication_clear(c);
    verification_clear(c);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        chain_free(&c->chains[i]);
        free(c->where[i]);
    }
    clear_reply(c);
    file_paths_clear(&c->paths);
    free(c->problem);
    free(c->logged);
    free(c);
    *certificate = NULL;
}

/* "LENGTH:OK BASE64," */
static void write_reply(struct certificate *certificate)
{
    size_t pem_len;

    clear_reply(certificate);
    char *pem = choice_pem(certificate->chains, &pem_len);
    if (pem_len > 0) {
        size_t size = chain_reply_size(pem_len) + 16;
        char *reply = xcalloc(1, size);
        int head = snprintf(reply, size, "%zu:OK ", chain_reply_size(pem_len));
        int body = EVP_EncodeBlock((unsigned char *)reply + head,
            (const unsigned char *)pem, (int)pem_len);
        certificate->reply = reply;
        certificate->reply_len = (size_t)head + (size_t)body + 1;
        reply[certificate->reply_len - 1] = ',';
    }
    OPENSSL_cleanse(pem, pem_len);
    free(pem);
}

void certificate_inherit(
    struct certificate *certificate, struct certificate *old)
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        certificate->chains[i] = old->chains[i];
        certificate->where[i] = old->where[i];
        certificate->since_s[i] = old->since_s[i];
        old->chains[i] = NULL;
        old->where[i] = NULL;
    }
    certificate->is_new_source =
        strcmp(certificate->config->source, old->config->source) != 0;
    certificate->warned_s = old->warned_s;
    certificate->failures = old->failures;
    write_reply(certificate);
    publication_inherit(certificate, old);
    verification_inherit(certificate, old);
}

static void log_change(const struct certificate *certificate,
    const struct chain *chain, const char *where)
{
    char until[CHAIN_DATE_SIZE];
    log_info("certificate \"%s\": %s %u from %s is in use, valid until %s, "
             "SHA-256 %s",
        certificate->config->title, chain_algorithm_name(chain->algorithm),
        chain->bits, where, chain_date(chain->not_after, until),
        chain->fingerprint);
}

/* What people should know of a chain that came into use. replaced_at: when the
 * one before was issued; 0: there was none. */
static void log_doubts(const struct certificate *certificate,
    const struct chain *chain, int64_t replaced_at)
{
    const char *title = certificate->config->title;
    char date[CHAIN_DATE_SIZE];

    if (chain->note[0] != '\0')
        log_warn("certificate \"%s\": %s", title, chain->note);
    if (chain->is_staging)
        log_warn("certificate \"%s\": signed by an authority for tests, which "
                 "clients do not believe: %s",
            title, chain->issuer);
    if (chain->algorithm == CHAIN_ED25519 &&
        certificate->chains[CHAIN_RSA] == NULL &&
        certificate->chains[CHAIN_ECDSA] == NULL)
        log_warn("certificate \"%s\": Ed25519 alone: older clients get no TLS; "
                 "an RSA or ECDSA certificate beside it helps them",
            title);
    if (chain->issued_at < replaced_at)
        log_warn("certificate \"%s\": issued before the one that it replaces, "
                 "on %s: has a backup been restored?",
            title, chain_date(chain->issued_at, date));
}

static void note_change(struct certificate *certificate, unsigned algorithm,
    char **where, int64_t replaced_at)
{
    const struct chain *chain = certificate->chains[algorithm];

    free(certificate->where[algorithm]);
    certificate->where[algorithm] = *where;
    *where = NULL;
    certificate->since_s[algorithm] = certificate->looked_s;
    if (chain == NULL) {
        log_info("certificate \"%s\": the %s chain is served no more, since "
                 "there is none at %s",
            certificate->config->title,
            chain_algorithm_name((enum chain_algorithm)algorithm),
            certificate->config->source);
        return;
    }
    log_change(certificate, chain, certificate->where[algorithm]);
    log_doubts(certificate, chain, replaced_at);
}

/* True: something else is in use now. */
static bool take_choice(struct certificate *certificate, struct choice *choice)
{
    bool has_changed = false;

    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        struct chain *old = certificate->chains[i];
        bool is_dropped = old != NULL && choice->chains[i] == NULL;
        int64_t replaced_at = old != NULL ? old->issued_at : 0;
        chain_free(&certificate->chains[i]);
        certificate->chains[i] = choice->chains[i];
        choice->chains[i] = NULL;
        has_changed = has_changed || is_dropped || choice->where[i] != NULL;
        if (choice->where[i] != NULL || is_dropped)
            note_change(certificate, i, &choice->where[i], replaced_at);
    }
    if (has_changed) {
        certificate->warned_s = 0;
        write_reply(certificate);
    }
    return has_changed;
}

static void note_problem(struct certificate *certificate, char *problem)
{
    free(certificate->problem);
    certificate->problem = problem;
    if (problem == NULL)
        certificate->wrong_s = 0;
    else if (certificate->wrong_s == 0)
        certificate->wrong_s = certificate->looked_s;
    if (problem != NULL || certificate->logged == NULL)
        return;
    log_info("certificate \"%s\": nothing is wrong at %s any more",
        certificate->config->title, certificate->config->source);
    free(certificate->logged);
    certificate->logged = NULL;
}

void certificate_log_problem(struct certificate *certificate)
{
    const char *problem = certificate->problem;

    if (problem == NULL || (certificate->logged != NULL &&
                               strcmp(certificate->logged, problem) == 0))
        return;
    free(certificate->logged);
    certificate->logged = xstrdup(problem);
    log_warn("certificate \"%s\": %s; %s", certificate->config->title, problem,
        certificate->reply != NULL ? "the one in use stays"
                                   : "there is none to serve");
}

static bool has_any(const struct certificate *certificate)
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (certificate->chains[i] != NULL)
            return true;
    return false;
}

/* What is not in use of an algorithm is taken from there. */
static bool take_missing(struct certificate *certificate, struct choice *choice)
{
    bool has_taken = false;

    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        if (certificate->chains[i] != NULL || choice->chains[i] == NULL)
            continue;
        certificate->chains[i] = choice->chains[i];
        choice->chains[i] = NULL;
        note_change(certificate, i, &choice->where[i], 0);
        has_taken = true;
    }
    return has_taken;
}

/* Where a source has nothing after a start, what was published last is still
 * in the file of the default chain. */
static bool take_published(struct certificate *certificate)
{
    const struct config_certificate *config = certificate->config;
    struct choice_terms terms = {
        .names = config->names, .now_s = certificate->looked_s};
    struct chain *none[CHAIN_ALGORITHMS] = {NULL};
    struct choice choice;
    struct look look;

    if (config->default_chain[0] == '\0')
        return false;
    look_begin(&look, config);
    look_add_files(&look, config->names,
        &(struct look_files){.certificates = config->default_chain,
            .key = config->default_chain},
        LOOK_UNCLAIMED);
    choice_make(&look, &terms, none, &choice);
    bool has_changed = take_missing(certificate, &choice);
    if (has_changed) {
        write_reply(certificate);
        log_warn("certificate \"%s\": the source has none; what was published "
                 "before the start is served",
            config->title);
    }
    choice_clear(&choice);
    look_clear(&look);
    return has_changed;
}

/* At the first look that is so of each algorithm by itself. */
static bool needs_published(
    const struct certificate *certificate, const struct choice *choice)
{
    bool is_wrong = choice->problem != NULL || choice->is_waiting;

    return is_wrong && (certificate->is_fresh || !has_any(certificate));
}

static void note_waiting(struct certificate *certificate, bool is_waiting)
{
    if (!is_waiting)
        certificate->waiting_s = 0;
    else if (certificate->waiting_s == 0)
        certificate->waiting_s = certificate->looked_s;
}

static bool has_lasted(int64_t since_s, int64_t now_s, int64_t span_s)
{
    return since_s != 0 && now_s - since_s >= span_s;
}

static void keep_paths(struct certificate *certificate, struct look *look)
{
    file_paths_clear(&certificate->paths);
    certificate->paths = look->paths;
    certificate->whole_s = look->now_s;
    certificate->until_s = look->until_s;
    look->paths = (struct file_paths){0};
}

/* At level debug, what there is to choose from. */
static void trace_look(
    const struct certificate *certificate, const struct look *look)
{
    const char *title = certificate->config->title;

    if (!log_is_wanted(LOG_LEVEL_DEBUG))
        return;
    for (size_t i = 0; i < look->count; i++) {
        const struct candidate *item = &look->items[i];
        if (item->chain == NULL)
            log_debug(
                "certificate \"%s\": candidate: %s", title, item->problem);
        else
            log_debug("certificate \"%s\": candidate: %s %u at %s, for %s, by "
                      "%s, SHA-256 %s%s",
                title, chain_algorithm_name(item->chain->algorithm),
                item->chain->bits, item->where,
                item->chain->names[0] != NULL ? item->chain->names[0]
                                              : "no name",
                item->chain->issuer, item->chain->fingerprint,
                item->is_for_us ? "" : ", not for this section");
    }
}

static void trace_choice(
    const struct certificate *certificate, const struct choice *choice)
{
    const char *title = certificate->config->title;

    for (size_t i = 0; i < CHAIN_ALGORITHMS; i++)
        if (choice->chains[i] != NULL)
            log_debug("certificate \"%s\": chosen: %s, SHA-256 %s%s", title,
                chain_algorithm_name(choice->chains[i]->algorithm),
                choice->chains[i]->fingerprint,
                choice->where[i] != NULL ? "" : ", as before");
    if (choice->problem != NULL)
        log_debug("certificate \"%s\": %s", title, choice->problem);
}

void certificate_take(
    struct certificate *certificate, struct look *look, bool is_first)
{
    struct choice choice;

    keep_paths(certificate, look);
    certificate->looked_s = clock_wall_s();
    const struct choice_terms terms = {
        .names = certificate->config->names,
        .now_s = certificate->looked_s,
        .is_settled =
            has_lasted(certificate->wrong_s, certificate->looked_s, SETTLED_S),
        .is_new_source = certificate->is_new_source,
        .has_waited = has_lasted(
            certificate->waiting_s, certificate->looked_s, LOOK_MAKING_S),
    };
    trace_look(certificate, look);
    choice_make(look, &terms, certificate->chains, &choice);
    trace_choice(certificate, &choice);
    if (choice.problem == NULL)
        certificate->is_new_source = false;
    bool has_changed = take_choice(certificate, &choice);
    if (needs_published(certificate, &choice))
        has_changed = take_published(certificate) || has_changed;
    note_waiting(certificate, choice.is_waiting);
    note_problem(certificate, choice.problem);
    choice.problem = NULL;
    choice_clear(&choice);
    publication_begin(certificate, has_changed, is_first);
    verification_begin(certificate, has_changed, is_first);
    certificate->is_fresh = false;
}

bool certificate_may_pass(const struct certificate *certificate)
{
    int64_t now_s = clock_wall_s();

    return !certificate->is_fresh && !certificate->is_new_source &&
           certificate->problem == NULL && certificate->waiting_s == 0 &&
           !certificate->paths.stamps.is_unsettled &&
           now_s >= certificate->whole_s &&
           now_s < certificate->whole_s + WHOLE_EVERY_S &&
           now_s < certificate->until_s;
}

void certificate_pass(struct certificate *certificate)
{
    certificate->looked_s = clock_wall_s();
    publication_begin(certificate, false, false);
}

static void warn_chain(const struct certificate *certificate,
    const struct chain *chain, int64_t now_s)
{
    char until[CHAIN_DATE_SIZE];
    int64_t left_s = chain->not_after - now_s;
    bool is_close = left_s < 2 * WARN_EVERY_S;

    chain_date(chain->not_after, until);
    if (left_s <= 0)
        log_error("certificate \"%s\": the %s certificate in use has expired, "
                  "on %s",
            certificate->config->title, chain_algorithm_name(chain->algorithm),
            until);
    else
        log_warn("certificate \"%s\": the %s certificate in use expires in "
                 "%" PRId64 " %s, on %s, and no newer one is at %s",
            certificate->config->title, chain_algorithm_name(chain->algorithm),
            left_s / (is_close ? 3600 : WARN_EVERY_S),
            is_close ? "hours" : "days", until, certificate->config->source);
}

void certificate_warn_expiry(
    struct certificate *certificate, int64_t now_s, int64_t bound_s)
{
    uint64_t own_ms = certificate->config->expiry_warning_ms;
    bool warns = false;

    if (certificate->warned_s != 0 &&
        now_s - certificate->warned_s < WARN_EVERY_S)
        return;
    if (own_ms != 0)
        bound_s = (int64_t)(own_ms / 1000);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        const struct chain *chain = certificate->chains[i];
        if (chain == NULL ||
            chain->not_after - now_s >
                chain_warning_s(chain->issued_at, chain->not_after, bound_s))
            continue;
        warn_chain(certificate, chain, now_s);
        warns = true;
    }
    if (warns)
        certificate->warned_s = now_s;
}
