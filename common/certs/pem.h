/*
 * pem.h - certificates and one private key out of PEM text.
 *
 * Takes any text: what is not PEM, and PEM of another kind, is skipped. Never
 * asks for a passphrase: an encrypted key is an error.
 */
#ifndef TOLLGATE_CERTS_PEM_H
#define TOLLGATE_CERTS_PEM_H

#include "common/base/error.h"
#include "common/certs/chain.h"

#include <openssl/x509.h>

/* What a file may hold; a chain takes CHAIN_CERTIFICATES_MAX of them. */
#define PEM_CERTIFICATES_MAX 40

struct pem_certificates {
    X509 *items[PEM_CERTIFICATES_MAX]; /* owned */
    size_t count;
};

/* All certificates of the text. False: err; none is held then. */
bool pem_read_certificates(const char *text, size_t len,
    struct pem_certificates *certificates_r, struct error *err);
void pem_clear_certificates(struct pem_certificates *);

/*
 * Could one of the certificates be for one of the names, in lower case? A look
 * at their bytes, at a tenth of the cost of reading them; false is certain.
 */
bool pem_may_cover(const char *text, size_t len, char *const *names);

/* How many private keys the text holds; a broken end counts nothing. */
size_t pem_count_keys(const char *text, size_t len);
/* The key with this number, from 0. The caller frees it. NULL: err says that
 * there is none, or that one is encrypted or malformed. */
EVP_PKEY *pem_read_key(
    const char *text, size_t len, size_t number, struct error *err);

#endif
