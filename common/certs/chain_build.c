/*
 * chain_build.c - see chain_build.h.
 *
 * Whether a certificate issued another is decided by name, key identifier and
 * signature, as clients decide it; what its file says by order decides only
 * between two that both did.
 */
#include "common/certs/chain_build.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SIGNATURE_BITS_MIN 112 /* SHA-1 has fewer, SHA-224 as many */

bool chain_read_time(const ASN1_TIME *asn1, int64_t *unix_r)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(asn1, &tm) != 1)
        return false;
    *unix_r = (int64_t)timegm(&tm);
    return true;
}

bool chain_is_self_issued(X509 *certificate)
{
    return X509_check_issued(certificate, certificate) == X509_V_OK;
}

bool chain_is_signed_well(X509 *certificate)
{
    int digest, bits = 0;
    bool is =
        X509_get_signature_info(certificate, &digest, NULL, &bits, NULL) == 1 &&
        bits >= SIGNATURE_BITS_MIN;

    ERR_clear_error();
    return is;
}

static bool is_valid(X509 *certificate, int64_t now_s)
{
    int64_t from, until;

    return chain_read_time(X509_get0_notBefore(certificate), &from) &&
           chain_read_time(X509_get0_notAfter(certificate), &until) &&
           from <= now_s && now_s < until;
}

static int64_t issued_at(X509 *certificate)
{
    int64_t from = 0;

    (void)chain_read_time(X509_get0_notBefore(certificate), &from);
    return from;
}

static bool has_issued(X509 *issuer, X509 *certificate)
{
    bool has = X509_check_issued(issuer, certificate) == X509_V_OK &&
               X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

    ERR_clear_error();
    return has;
}

static bool is_in(const struct chain_links *links, X509 *certificate)
{
    for (size_t i = 0; i < links->count; i++)
        if (X509_cmp(links->items[i], certificate) == 0)
            return true;
    return false;
}

static bool is_better_leaf(X509 *one, X509 *best, int64_t now_s)
{
    bool one_is_valid = is_valid(one, now_s);

    if (best == NULL || one_is_valid != is_valid(best, now_s))
        return best == NULL || one_is_valid;
    return issued_at(one) > issued_at(best);
}

static X509 *find_leaf(
    const struct pem_certificates *pool, EVP_PKEY *key, int64_t now_s)
{
    X509 *best = NULL;

    for (size_t i = 0; i < pool->count; i++)
        if (X509_check_private_key(pool->items[i], key) == 1 &&
            is_better_leaf(pool->items[i], best, now_s))
            best = pool->items[i];
    ERR_clear_error();
    return best;
}

/* Valid, signed well, and a bridge to another root rather than a root. */
static int rank_issuer(X509 *issuer, int64_t now_s)
{
    bool is_root = chain_is_self_issued(issuer);

    if (!is_valid(issuer, now_s) || (!is_root && !chain_is_signed_well(issuer)))
        return 0;
    return is_root ? 1 : 2;
}

static X509 *find_issuer(const struct pem_certificates *pool,
    const struct chain_links *links, int64_t now_s)
{
    X509 *of = links->items[links->count - 1], *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        X509 *one = pool->items[i];
        if (is_in(links, one) || !has_issued(one, of))
            continue;
        if (best == NULL || rank_issuer(one, now_s) > rank_issuer(best, now_s))
            best = one;
    }
    return best;
}

/* Only an intermediate directly above the leaf is needed for certain; clients
 * may know any certificate above it as a root. */
static bool is_dispensable(const struct chain_links *links, X509 *issuer)
{
    return links->count > 1 || chain_is_self_issued(issuer);
}

static void add_issuers(const struct pem_certificates *pool, int64_t now_s,
    struct chain_links *links)
{
    while (links->count < CHAIN_CERTIFICATES_MAX &&
           !chain_is_self_issued(links->items[links->count - 1])) {
        X509 *issuer = find_issuer(pool, links, now_s);
        if (issuer == NULL ||
            (rank_issuer(issuer, now_s) == 0 && is_dispensable(links, issuer)))
            return;
        if (!is_dispensable(links, issuer))
            links->needed = links->count + 1;
        links->items[links->count++] = issuer;
    }
}

static void add_note(char note[CHAIN_NOTE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_note(char note[CHAIN_NOTE_SIZE], const char *format, ...)
{
    size_t len = strlen(note);
    va_list args;

    if (len > 0 && len + 2 < CHAIN_NOTE_SIZE) {
        memcpy(note + len, ", ", 3);
        len += 2;
    }
    va_start(args, format);
    (void)vsnprintf(note + len, CHAIN_NOTE_SIZE - len, format, args);
    va_end(args);
}

static const char *why_left_out(
    const struct chain_links *links, X509 *certificate, int64_t now_s)
{
    if (is_in(links, certificate))
        return "there twice";
    if (!is_valid(certificate, now_s))
        return "expired, or not valid yet";
    return "not needed for this chain";
}

static void note_left_out(const struct pem_certificates *pool,
    const struct chain_links *links, int64_t now_s, char note[CHAIN_NOTE_SIZE])
{
    bool is_used[PEM_CERTIFICATES_MAX] = {false};

    for (size_t link = 0; link < links->count; link++)
        for (size_t i = 0; i < pool->count; i++)
            if (pool->items[i] == links->items[link])
                is_used[i] = true;
    for (size_t i = 0; i < pool->count; i++)
        if (!is_used[i])
            add_note(note, "certificate %zu left out (%s)", i + 1,
                why_left_out(links, pool->items[i], now_s));
    if (links->count == 1 && !chain_is_self_issued(links->items[0]))
        add_note(note, "the leaf stands alone: clients that lack its issuer "
                       "refuse it; name the file with the whole chain");
}

bool chain_build(const struct pem_certificates *pool, EVP_PKEY *key,
    int64_t now_s, struct chain_links *links_r, char note[CHAIN_NOTE_SIZE],
    struct error *err)
{
    X509 *leaf = find_leaf(pool, key, now_s);

    note[0] = '\0';
    if (leaf == NULL)
        return error_set(err, pool->count == 1
                                  ? "the key does not fit the certificate"
                                  : "the key does not fit any certificate");
    *links_r = (struct chain_links){.items = {leaf}, .count = 1, .needed = 1};
    add_issuers(pool, now_s, links_r);
    note_left_out(pool, links_r, now_s, note);
    return true;
}
