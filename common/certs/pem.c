/*
 * pem.c - see pem.h.
 *
 * Errors name the kind of block and its number, never its content, and
 * OpenSSL's error queue, which may quote its input, is thrown away.
 */
#include "common/certs/pem.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* Of FIPS 204, 7.1 names by NIST; OpenSSL has it from 3.5 on. */
#define ML_DSA_65_OID "2.16.840.1.101.3.4.3.18"

/* One block of PEM; data is its DER. */
struct block {
    char *name, *header;
    unsigned char *data;
    long len;
};

static void block_clear(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(
        block->data, block->data != NULL ? (size_t)block->len : 0);
    *block = (struct block){0};
}

/* False: no more. broken_r: because the rest is cut off or no PEM. */
static bool block_read(BIO *bio, struct block *block, bool *broken_r)
{
    *broken_r = false;
    if (PEM_read_bio(
            bio, &block->name, &block->header, &block->data, &block->len) == 1)
        return true;
    *broken_r = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    *block = (struct block){0};
    return false;
}

/* Does the last line of dashes begin a block? The reader takes a beginning that
 * is cut off for text between blocks. */
static bool is_cut_off(const char *text, size_t len)
{
    static const char dashes[] = "-----", end[] = "-----END ";

    for (size_t at = len; at-- > 0;) {
        size_t left = len - at;
        size_t some = left < strlen(dashes) ? left : strlen(dashes);
        if ((at > 0 && text[at - 1] != '\n') ||
            memcmp(text + at, dashes, some) != 0)
            continue;
        return left < strlen(end) || memcmp(text + at, end, strlen(end)) != 0;
    }
    return false;
}

static BIO *open_text(const char *text, size_t len, struct error *err)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
    if (bio == NULL)
        error_set(err, "too long");
    return bio;
}

static bool is_certificate(const struct block *block)
{
    return strcmp(block->name, PEM_STRING_X509) == 0 ||
           strcmp(block->name, PEM_STRING_X509_OLD) == 0;
}

static bool is_key(const struct block *block)
{
    const char *end = strstr(block->name, "PRIVATE KEY");
    return end != NULL && strcmp(end, "PRIVATE KEY") == 0;
}

static bool add_certificate(struct pem_certificates *certificates,
    const struct block *block, struct error *err)
{
    if (certificates->count == PEM_CERTIFICATES_MAX)
        return error_set(
            err, "more than %d certificates in it", PEM_CERTIFICATES_MAX);
    const unsigned char *der = block->data;
    X509 *certificate = d2i_X509(NULL, &der, block->len);
    ERR_clear_error();
    if (certificate == NULL)
        return error_set(
            err, "certificate %zu is malformed", certificates->count + 1);
    certificates->items[certificates->count++] = certificate;
    return true;
}

bool pem_read_certificates(const char *text, size_t len,
    struct pem_certificates *certificates_r, struct error *err)
{
    struct block block;
    bool is_broken = false, is_good = true;
    BIO *bio = open_text(text, len, err);

    *certificates_r = (struct pem_certificates){0};
    if (bio == NULL)
        return false;
    while (is_good && block_read(bio, &block, &is_broken)) {
        if (is_certificate(&block))
            is_good = add_certificate(certificates_r, &block, err);
        block_clear(&block);
    }
    BIO_free(bio);
    if (is_good && (is_broken || is_cut_off(text, len)))
        is_good = error_set(err,
            "PEM is cut off or malformed after %zu "
            "certificates",
            certificates_r->count);
    if (is_good && certificates_r->count == 0)
        is_good = error_set(err, "no certificate in it");
    if (!is_good)
        pem_clear_certificates(certificates_r);
    return is_good;
}

void pem_clear_certificates(struct pem_certificates *certificates)
{
    for (size_t i = 0; i < certificates->count; i++)
        X509_free(certificates->items[i]);
    *certificates = (struct pem_certificates){0};
}

/* Is the text, in lower case, among the bytes, in any case? */
static bool has_text(const struct block *block, const char *text)
{
    size_t len = strlen(text), end = (size_t)block->len;

    for (size_t at = 0; at + len <= end; at++) {
        size_t same = 0;
        while (same < len && tolower(block->data[at + same]) == text[same])
            same++;
        if (same == len)
            return true;
    }
    return false;
}

/* A name as it stands, or its wildcard. */
static bool has_any(const struct block *block, char *const *names)
{
    char wildcard[256] = "*";

    for (; *names != NULL; names++) {
        const char *dot = strchr(*names, '.');
        if (has_text(block, *names))
            return true;
        if (dot == NULL || strlen(dot) >= sizeof wildcard - 1)
            continue;
        memcpy(wildcard + 1, dot, strlen(dot) + 1);
        if (has_text(block, wildcard))
            return true;
    }
    return false;
}

bool pem_may_cover(const char *text, size_t len, char *const *names)
{
    struct error ignored;
    struct block block;
    bool is_broken, may = false;
    BIO *bio = open_text(text, len, &ignored);

    while (bio != NULL && !may && block_read(bio, &block, &is_broken)) {
        may = is_certificate(&block) && has_any(&block, names);
        block_clear(&block);
    }
    BIO_free(bio);
    return may;
}

/* A key in PKCS#8 whose algorithm OpenSSL has no code for. */
static bool is_unknown(const struct block *block, char *name, int size)
{
    const unsigned char *der = block->data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, block->len);
    const ASN1_OBJECT *algorithm = NULL;
    bool is = info != NULL &&
              PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, info) == 1 &&
              OBJ_obj2nid(algorithm) == NID_undef &&
              OBJ_obj2txt(name, size, algorithm, 1) > 0;

    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    if (is && strcmp(name, ML_DSA_65_OID) == 0)
        memcpy(name, "ML-DSA-65", sizeof "ML-DSA-65");
    return is;
}

static void explain_key(const struct block *block, struct error *err)
{
    char name[64];

    if (is_unknown(block, name, sizeof name))
        error_set(err,
            "key of the algorithm %s, which OpenSSL %s does not know", name,
            OpenSSL_version(OPENSSL_VERSION_STRING));
    else
        error_set(err, "the key is malformed");
}

static EVP_PKEY *key_of(const struct block *block, struct error *err)
{
    if (strncmp(block->name, "ENCRYPTED", strlen("ENCRYPTED")) == 0 ||
        strstr(block->header, "ENCRYPTED") != NULL) {
        error_set(err, "the key is encrypted; store it without a passphrase");
        return NULL;
    }
    const unsigned char *der = block->data;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &der, block->len);
    ERR_clear_error();
    if (key == NULL)
        explain_key(block, err);
    return key;
}

size_t pem_count_keys(const char *text, size_t len)
{
    struct error ignored;
    struct block block;
    bool is_broken;
    size_t count = 0;
    BIO *bio = open_text(text, len, &ignored);

    while (bio != NULL && block_read(bio, &block, &is_broken)) {
        count += is_key(&block);
        block_clear(&block);
    }
    BIO_free(bio);
    return count;
}

EVP_PKEY *pem_read_key(
    const char *text, size_t len, size_t number, struct error *err)
{
    struct block block;
    bool is_broken = false;
    size_t count = 0;
    EVP_PKEY *key = NULL;
    BIO *bio = open_text(text, len, err);

    if (bio == NULL)
        return NULL;
    while (block_read(bio, &block, &is_broken)) {
        if (is_key(&block) && count++ == number)
            key = key_of(&block, err);
        block_clear(&block);
    }
    BIO_free(bio);
    if (count > number && (key == NULL || !is_broken))
        return key;
    EVP_PKEY_free(key);
    error_set(err, is_broken ? "PEM with the key is cut off or malformed"
                             : "no private key in it");
    return NULL;
}
