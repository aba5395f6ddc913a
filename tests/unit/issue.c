/*
 * issue.c - see issue.h. Whatever fails, fails the test.
 */
#include "tests/unit/unit.h"

#include "tests/unit/issue.h"

#include "common/base/alloc.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *make_key(const char *kind)
{
    const char *detail = strchr(kind, ':');
    size_t len = detail != NULL ? (size_t)(detail - kind) : strlen(kind);
    char *type = xprintf("%.*s", (int)len, kind);
    EVP_PKEY *key;

    if (strcmp(type, "EC") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, type, detail + 1);
    else if (detail != NULL)
        key = EVP_PKEY_Q_keygen(
            NULL, NULL, type, (size_t)strtoul(detail + 1, NULL, 10));
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, type);
    free(type);
    assert_non_null(key);
    return key;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void set_dates(X509 *certificate, const struct issue *issue)
{
    long from = issue->starts_in_days != 0 ? issue->starts_in_days : -30;
    long until = issue->ends_in_days != 0 ? issue->ends_in_days : 60;

    ASN1_TIME_set(
        X509_getm_notBefore(certificate), (time_t)ISSUE_NOW + from * ISSUE_DAY);
    ASN1_TIME_set(
        X509_getm_notAfter(certificate), (time_t)ISSUE_NOW + until * ISSUE_DAY);
}

static void add_common_name(X509_NAME *to, const char *name)
{
    X509_NAME_add_entry_by_txt(
        to, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
}

static void name_it(X509 *certificate, const struct issue *issue)
{
    static long serial = 0;
    const struct issued *issuer = issue->issuer;
    char *name = issue->subject != NULL ? xstrdup(issue->subject)
                                        : xprintf("Test %ld", serial);

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    add_common_name(X509_get_subject_name(certificate), name);
    if (issue->authority != NULL)
        add_common_name(X509_get_issuer_name(certificate), issue->authority);
    else
        X509_set_issuer_name(certificate,
            X509_get_subject_name(
                issuer != NULL ? issuer->certificate : certificate));
    free(name);
}

static struct file_text text_of(BIO *bio, const struct file_text *more)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    struct file_text text = {.len = (size_t)len + more->len};

    assert_true(len > 0);
    text.bytes = xcalloc(1, text.len + 1);
    memcpy(text.bytes, bytes, (size_t)len);
    if (more->len > 0)
        memcpy(text.bytes + len, more->bytes, more->len);
    BIO_free(bio);
    return text;
}

struct issued issue(const struct issue *issue)
{
    static const struct file_text nothing;
    const struct issued *issuer = issue->issuer;
    struct issued issued = {.certificate = X509_new(),
        .pkey = issue->same_key != NULL ? issue->same_key->pkey
                                        : make_key(issue->key)};
    X509 *certificate = issued.certificate;
    if (issue->same_key != NULL)
        EVP_PKEY_up_ref(issued.pkey);
    const EVP_MD *digest =
        issue->digest != NULL ? issue->digest() : EVP_sha256();

    X509_set_version(certificate, X509_VERSION_3);
    name_it(certificate, issue);
    set_dates(certificate, issue);
    X509_set_pubkey(certificate, issued.pkey);
    add_extension(certificate, NID_subject_alt_name, issue->names);
    add_extension(certificate, NID_ext_key_usage, issue->usage);
    EVP_PKEY *signer = issuer != NULL ? issuer->pkey : issued.pkey;
    if (EVP_PKEY_is_a(signer, "ED25519") || EVP_PKEY_is_a(signer, "ML-DSA-65"))
        digest = NULL;
    assert_true(X509_sign(certificate, signer, digest) > 0);

    BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(chain, certificate);
    PEM_write_bio_PrivateKey(key, issued.pkey, NULL, NULL, 0, NULL, NULL);
    issued.key = text_of(key, &nothing);
    issued.chain = text_of(chain,
        issuer != NULL && issuer->chain.len > 0 ? &issuer->chain : &nothing);
    return issued;
}

void issued_clear(struct issued *issued)
{
    X509_free(issued->certificate);
    EVP_PKEY_free(issued->pkey);
    file_text_clear(&issued->chain);
    file_text_clear(&issued->key);
}

struct chain *issued_chain(const struct issued *issued, struct error *err)
{
    *err = (struct error){{0}};
    return chain_new(
        &(struct chain_text){
            .certificates = issued->chain.bytes,
            .certificates_len = issued->chain.len,
            .key = issued->key.bytes,
            .key_len = issued->key.len,
            .now_s = ISSUE_NOW,
        },
        err);
}
