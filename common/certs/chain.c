/*
 * chain.c - checks a key and its certificates, and writes them as Postfix
 * wants them: the key, the leaf, then each issuer in turn.
 *
 * The text is written anew from what was understood, so nothing that was
 * only skipped here can confuse Postfix later.
 */
#include "common/certs/chain.h"

#include "common/base/alloc.h"
#include "common/base/hex.h"
#include "common/certs/chain_build.h"
#include "common/certs/chain_names.h"
#include "common/certs/chain_staging.h"
#include "common/certs/pem.h"

#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define SHORT_LIFE_S (10 * 24 * 60 * 60)

#define CURVES "allowed: P-256, P-384 and P-521"

/*
 * By the curve's name, since others of 256 and 384 bits (brainpool, secp256k1)
 * are in no list that clients offer; TLS 1.3 has these three (RFC 8446, 4.2.3),
 * and not every client knows the last. A curve that is written out as
 * parameters has no name (RFC 5480, 2.1.1 forbids it).
 */
static bool check_curve(EVP_PKEY *key, bool *is_rare_r, struct error *err)
{
    static const char *const allowed[] = {
        SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1};
    char name[64] = "", encoding[32] = "";

    (void)EVP_PKEY_get_utf8_string_param(
        key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof encoding, NULL);
    if (strcmp(encoding, OSSL_PKEY_EC_ENCODING_EXPLICIT) == 0 ||
        EVP_PKEY_get_group_name(key, name, sizeof name, NULL) != 1)
        return error_set(err, "EC key on a curve without a name; " CURVES);
    *is_rare_r = strcmp(name, SN_secp521r1) == 0;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (strcmp(name, allowed[i]) == 0)
            return true;
    return error_set(err,
        "EC key on the curve %s, which ordinary clients refuse; " CURVES, name);
}

static bool check_algorithm(
    EVP_PKEY *key, struct chain *chain, struct error *err)
{
    chain->bits = (unsigned)EVP_PKEY_get_bits(key);
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        chain->algorithm = CHAIN_RSA;
        if (chain->bits < RSA_BITS_MIN || chain->bits > RSA_BITS_MAX)
            return error_set(err, "RSA key of %u bits; allowed: %d to %d",
                chain->bits, RSA_BITS_MIN, RSA_BITS_MAX);
        return true;
    case EVP_PKEY_EC:
        chain->algorithm = CHAIN_ECDSA;
        return check_curve(key, &chain->is_rare, err);
    case EVP_PKEY_ED25519:
        chain->algorithm = CHAIN_ED25519;
        return true;
    default:
        chain->algorithm = CHAIN_ML_DSA_65;
        if (EVP_PKEY_is_a(key, "ML-DSA-65"))
            return true;
        return error_set(err, "key of an algorithm that is not served; "
                              "allowed: RSA, ECDSA and Ed25519, and beside one "
                              "of them ML-DSA-65");
    }
}

/* A certificate that is its own issuer is believed, or not, without its
 * signature. */
static bool check_signatures(const struct chain_links *links, struct error *err)
{
    for (size_t i = 0; i < links->count; i++)
        if (!chain_is_self_issued(links->items[i]) &&
            !chain_is_signed_well(links->items[i]))
            return error_set(err,
                "%s is signed with a digest that clients refuse",
                i == 0 ? "the certificate" : "an issuer of the certificate");
    return true;
}

static bool check_usage(X509 *leaf, struct error *err)
{
    if ((X509_get_extended_key_usage(leaf) & (XKU_SSL_SERVER | XKU_ANYEKU)) ==
        0)
        return error_set(err, "the certificate is not for servers (extended "
                              "key usage)");
    return true;
}

/* The time in which all that is needed of the chain is valid. */
static bool take_dates(
    const struct chain_links *links, struct chain *chain, struct error *err)
{
    for (size_t i = 0; i < links->needed; i++) {
        int64_t from, until;
        if (!chain_read_time(X509_get0_notBefore(links->items[i]), &from) ||
            !chain_read_time(X509_get0_notAfter(links->items[i]), &until))
            return error_set(err, "a certificate has malformed dates");
        if (i == 0)
            chain->issued_at = from;
        if (i == 0 || from > chain->not_before)
            chain->not_before = from;
        if (i == 0 || until < chain->not_after)
            chain->not_after = until;
    }
    return true;
}

static void take_identity(X509 *leaf, struct chain *chain)
{
    unsigned char digest[32];
    unsigned len = sizeof digest;

    if (X509_digest(leaf, EVP_sha256(), digest, &len) == 1)
        (void)hex_write(chain->fingerprint, digest, sizeof digest);
    X509_NAME_oneline(
        X509_get_issuer_name(leaf), chain->issuer, sizeof chain->issuer);
    chain->is_staging = chain_staging_issuer(leaf);
}

static bool write_pem(EVP_PKEY *key, const struct chain_links *links,
    struct chain *chain, struct error *err)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_secmem());
    bool is_good = bio != NULL && PEM_write_bio_PrivateKey(
                                      bio, key, NULL, NULL, 0, NULL, NULL) == 1;

    for (size_t i = 0; is_good && i < links->count; i++)
        is_good = PEM_write_bio_X509(bio, links->items[i]) == 1;
    long len = is_good ? BIO_get_mem_data(bio, &text) : 0;
    if (len > 0) {
        chain->pem_len = (size_t)len;
        chain->pem = xcalloc(1, chain->pem_len + 1);
        memcpy(chain->pem, text, chain->pem_len);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (len <= 0)
        return error_set(err, "cannot be written as PEM");
    if (chain_reply_size(chain->pem_len) > CHAIN_REPLY_MAX)
        return error_set(err, "longer than Postfix reads in a reply");
    return true;
}

static bool fill(struct chain *chain, EVP_PKEY *key,
    const struct pem_certificates *pool, int64_t now_s, struct error *err)
{
    struct chain_links links;

    if (!chain_build(pool, key, now_s, &links, chain->note, err))
        return false;
    X509 *leaf = links.items[0];
    take_identity(leaf, chain);
    return check_algorithm(X509_get0_pubkey(leaf), chain, err) &&
           check_signatures(&links, err) && check_usage(leaf, err) &&
           take_dates(&links, chain, err) &&
           chain_names_take(leaf, &chain->names, err) &&
           write_pem(key, &links, chain, err);
}

struct chain *chain_new(const struct chain_text *text, struct error *err)
{
    struct pem_certificates pool;

    if (!pem_read_certificates(
            text->certificates, text->certificates_len, &pool, err))
        return NULL;
    EVP_PKEY *key =
        pem_read_key(text->key, text->key_len, text->key_number, err);
    struct chain *chain = NULL;
    if (key != NULL) {
        chain = xcalloc(1, sizeof *chain);
        if (!fill(chain, key, &pool, text->now_s, err))
            chain_free(&chain);
    }
    EVP_PKEY_free(key);
    pem_clear_certificates(&pool);
    return chain;
}

void chain_free(struct chain **chain)
{
    if (*chain == NULL)
        return;
    chain_names_free(&(*chain)->names);
    if ((*chain)->pem != NULL)
        OPENSSL_cleanse((*chain)->pem, (*chain)->pem_len);
    free((*chain)->pem);
    free(*chain);
    *chain = NULL;
}

char *chain_date(int64_t unix_s, char text[CHAIN_DATE_SIZE])
{
    time_t time = (time_t)unix_s;
    struct tm tm;
    if (gmtime_r(&time, &tm) == NULL ||
        strftime(text, CHAIN_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(text, CHAIN_DATE_SIZE, "@%" PRId64, unix_s);
    return text;
}

int64_t chain_warning_s(int64_t issued_at, int64_t not_after, int64_t bound_s)
{
    int64_t life_s = not_after - issued_at;
    int64_t share_s = life_s / (life_s < SHORT_LIFE_S ? 4 : 3);

    return share_s < bound_s ? share_s : bound_s;
}

bool chain_check_dates(
    const struct chain *chain, int64_t now_s, struct error *err)
{
    char date[CHAIN_DATE_SIZE];
    if (now_s >= chain->not_after)
        return error_set(
            err, "expired on %s", chain_date(chain->not_after, date));
    if (now_s < chain->not_before)
        return error_set(
            err, "not valid before %s", chain_date(chain->not_before, date));
    return true;
}

size_t chain_reply_size(size_t pem_len)
{
    return strlen("OK ") + (pem_len + 2) / 3 * 4;
}

const char *chain_algorithm_name(enum chain_algorithm algorithm)
{
    static const char *const names[CHAIN_ALGORITHMS] = {
        "RSA", "ECDSA", "Ed25519", "ML-DSA-65"};
    return names[algorithm];
}

bool chain_is_ordinary(enum chain_algorithm algorithm)
{
    return algorithm != CHAIN_ML_DSA_65;
}
