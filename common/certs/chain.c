/*
 * chain.c - checks a key and its certificates, and writes them as Postfix
 * wants them: the key, the leaf, then each issuer in turn.
 *
 * The text is written anew from what was understood, so nothing that was
 * only skipped here can confuse Postfix later.
 */
#include "common/certs/chain.h"

#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/certs/chain_names.h"
#include "common/certs/pem.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RSA_BITS_MIN       2048
#define RSA_BITS_MAX       8192
#define SIGNATURE_BITS_MIN 112 /* SHA-1 has fewer, SHA-224 as many */

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
        if (chain->bits != 256 && chain->bits != 384)
            return error_set(err, "EC key of %u bits; allowed: P-256 and P-384",
                chain->bits);
        return true;
    case EVP_PKEY_ED25519:
        chain->algorithm = CHAIN_ED25519;
        return true;
    default:
        return error_set(err, "key of an algorithm that is not served; "
                              "allowed: RSA, ECDSA, Ed25519");
    }
}

/* One pair after the other, because Postfix sends them as they stand. */
static bool check_order(
    const struct pem_certificates *certificates, struct error *err)
{
    for (size_t i = 0; i + 1 < certificates->count; i++) {
        X509 *issuer = certificates->items[i + 1];
        bool is_good =
            X509_check_issued(issuer, certificates->items[i]) == X509_V_OK &&
            X509_verify(certificates->items[i], X509_get0_pubkey(issuer)) == 1;
        ERR_clear_error();
        if (!is_good)
            return error_set(err,
                "certificate %zu was not issued by the one after it: wrong "
                "order, or one is missing",
                i + 1);
    }
    return true;
}

/* Nobody checks the signature of a certificate that is its own issuer. */
static bool check_signatures(
    const struct pem_certificates *certificates, struct error *err)
{
    for (size_t i = 0; i < certificates->count; i++) {
        X509 *certificate = certificates->items[i];
        int digest, bits = 0;
        if (X509_check_issued(certificate, certificate) == X509_V_OK)
            continue;
        if (X509_get_signature_info(certificate, &digest, NULL, &bits, NULL) !=
                1 ||
            bits < SIGNATURE_BITS_MIN)
            return error_set(err,
                "certificate %zu is signed with a digest that clients refuse",
                i + 1);
    }
    ERR_clear_error();
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

static bool read_time(const ASN1_TIME *asn1, int64_t *unix_r)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(asn1, &tm) != 1)
        return false;
    *unix_r = (int64_t)timegm(&tm);
    return true;
}

/* The time in which every certificate of the chain is valid. */
static bool take_dates(const struct pem_certificates *certificates,
    struct chain *chain, struct error *err)
{
    for (size_t i = 0; i < certificates->count; i++) {
        int64_t from, until;
        if (!read_time(X509_get0_notBefore(certificates->items[i]), &from) ||
            !read_time(X509_get0_notAfter(certificates->items[i]), &until))
            return error_set(err, "certificate %zu has malformed dates", i + 1);
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
}

static bool write_pem(EVP_PKEY *key,
    const struct pem_certificates *certificates, struct chain *chain,
    struct error *err)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_secmem());
    bool is_good = bio != NULL && PEM_write_bio_PrivateKey(
                                      bio, key, NULL, NULL, 0, NULL, NULL) == 1;

    for (size_t i = 0; is_good && i < certificates->count; i++)
        is_good = PEM_write_bio_X509(bio, certificates->items[i]) == 1;
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
    const struct pem_certificates *certificates, struct error *err)
{
    X509 *leaf = certificates->items[0];
    bool fits = X509_check_private_key(leaf, key) == 1;

    ERR_clear_error();
    if (!fits)
        return error_set(err, "the key does not fit the first certificate");
    take_identity(leaf, chain);
    return check_algorithm(key, chain, err) && check_order(certificates, err) &&
           check_signatures(certificates, err) && check_usage(leaf, err) &&
           take_dates(certificates, chain, err) &&
           chain_names_take(leaf, &chain->names, err) &&
           write_pem(key, certificates, chain, err);
}

struct chain *chain_new(const char *certificates, size_t certificates_len,
    const char *key, size_t key_len, struct error *err)
{
    struct pem_certificates read;
    if (!pem_read_certificates(certificates, certificates_len, &read, err))
        return NULL;
    EVP_PKEY *pkey = pem_read_key(key, key_len, err);
    struct chain *chain = NULL;
    if (pkey != NULL) {
        chain = xcalloc(1, sizeof *chain);
        if (!fill(chain, pkey, &read, err))
            chain_free(&chain);
    }
    EVP_PKEY_free(pkey);
    pem_clear_certificates(&read);
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
        "RSA", "ECDSA", "Ed25519"};
    return names[algorithm];
}
