/*
 * issue.h - certificates for tests, made on the spot.
 */
#ifndef TOLLGATE_TESTS_ISSUE_H
#define TOLLGATE_TESTS_ISSUE_H

#include "common/certs/chain.h"
#include "common/certs/file.h"

#include <openssl/x509.h>

#define ISSUE_NOW 1800000000 /* the tests' present, unix time */
#define ISSUE_DAY 86400

struct issue {
    const char *names;   /* "DNS:a.example,DNS:b.example"; NULL: none */
    const char *key;     /* "RSA:2048" "EC:P-256" "ED25519" "ED448"
                          "ML-DSA-65" */
    long starts_in_days; /* from ISSUE_NOW; 0: 30 days ago */
    long ends_in_days;   /* 0: in 60 days */
    const char *usage;   /* of the extended key usage; NULL: none */
    const EVP_MD *(*digest)(void); /* NULL: SHA-256 */
    const struct issued *issuer;   /* NULL: its own */
    const char *authority; /* common name of an issuer that is not there */
    const char *subject;   /* common name; NULL: one of its own */
    const struct issued *same_key; /* whose key it gets; NULL: a new one */
};

struct issued {
    X509 *certificate;
    EVP_PKEY *pkey;
    struct file_text chain; /* PEM; it, and its issuers up to the last */
    struct file_text key;   /* PEM */
};

struct issued issue(const struct issue *);
/* Both as a chain, at ISSUE_NOW. The caller frees it. NULL: err. */
struct chain *issued_chain(const struct issued *, struct error *err);
void issued_clear(struct issued *);

#endif
