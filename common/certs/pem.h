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

struct pem_certificates {
    X509 *items[CHAIN_CERTIFICATES_MAX]; /* owned */
    size_t count;
};

bool pem_read_certificates(const char *text, size_t len,
    struct pem_certificates *certificates_r, struct error *err);
void pem_clear_certificates(struct pem_certificates *);

/*
 * Could the first certificate be for one of the names, in lower case? A look
 * at its bytes, at a tenth of the cost of reading it; false is certain.
 */
bool pem_may_cover(const char *text, size_t len, char *const *names);
/* The first certificate only; NULL: none that can be read. */
X509 *pem_read_leaf(const char *text, size_t len);

/* The caller frees it. NULL: none, more than one, encrypted or malformed. */
EVP_PKEY *pem_read_key(const char *text, size_t len, struct error *err);

#endif
