/*
 * certificate.c - chooses among what a look has found, and keeps the reply
 * for the SNI face.
 */
#include "common/certs/certificate.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARN_EVERY_S (24 * 60 * 60)

struct certificate *certificate_new(struct event_base *base,
    const struct config_certificate *config, const struct publisher *publisher)
{
    struct certificate *certificate = xcalloc(1, sizeof *certificate);

    certificate->config = config;
    certificate->publisher = publisher;
    certificate->is_fresh = true;
    publication_init(certificate, base);
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
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        chain_free(&c->chains[i]);
        free(c->where[i]);
    }
    clear_reply(c);
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
    certificate->may_be_older =
        strcmp(certificate->config->source, old->config->source) != 0;
    certificate->warned_s = old->warned_s;
    certificate->failures = old->failures;
    write_reply(certificate);
    publication_inherit(certificate, old);
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

static void note_change(
    struct certificate *certificate, unsigned algorithm, char **where)
{
    free(certificate->where[algorithm]);
    certificate->where[algorithm] = *where;
    *where = NULL;
    certificate->since_s[algorithm] = certificate->looked_s;
    if (certificate->chains[algorithm] != NULL)
        log_change(certificate, certificate->chains[algorithm],
            certificate->where[algorithm]);
}

/* True: something else is in use now. */
static bool take_choice(struct certificate *certificate, struct choice *choice)
{
    bool has_changed = false;

    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        bool is_dropped =
            certificate->chains[i] != NULL && choice->chains[i] == NULL;
        chain_free(&certificate->chains[i]);
        certificate->chains[i] = choice->chains[i];
        choice->chains[i] = NULL;
        has_changed = has_changed || is_dropped || choice->where[i] != NULL;
        if (choice->where[i] != NULL || is_dropped)
            note_change(certificate, i, &choice->where[i]);
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

void certificate_take(
    struct certificate *certificate, struct look *look, bool is_first)
{
    struct choice choice;

    certificate->looked_s = (int64_t)(clock_wall_ms() / 1000);
    choice_make(look, certificate->config->names, certificate->looked_s,
        certificate->may_be_older, certificate->chains, &choice);
    if (choice.problem == NULL)
        certificate->may_be_older = false;
    bool has_changed = take_choice(certificate, &choice);
    note_problem(certificate, choice.problem);
    choice.problem = NULL;
    choice_clear(&choice);
    publication_begin(certificate, has_changed, is_first);
    certificate->is_fresh = false;
}

static void warn_chain(const struct certificate *certificate,
    const struct chain *chain, int64_t now_s)
{
    char until[CHAIN_DATE_SIZE];
    int64_t left_s = chain->not_after - now_s;

    chain_date(chain->not_after, until);
    if (left_s <= 0)
        log_error("certificate \"%s\": the %s certificate in use has expired, "
                  "on %s",
            certificate->config->title, chain_algorithm_name(chain->algorithm),
            until);
    else
        log_warn("certificate \"%s\": the %s certificate in use expires in "
                 "%" PRId64 " days, on %s, and no newer one is at %s",
            certificate->config->title, chain_algorithm_name(chain->algorithm),
            left_s / WARN_EVERY_S, until, certificate->config->source);
}

void certificate_warn_expiry(
    struct certificate *certificate, int64_t now_s, int64_t warning_s)
{
    bool warns = false;

    if (certificate->warned_s != 0 &&
        now_s - certificate->warned_s < WARN_EVERY_S)
        return;
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        const struct chain *chain = certificate->chains[i];
        if (chain == NULL || chain->not_after - now_s > warning_s)
            continue;
        warn_chain(certificate, chain, now_s);
        warns = true;
    }
    if (warns)
        certificate->warned_s = now_s;
}
