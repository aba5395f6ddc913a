/*
 * chain_names.h - the DNS names of a certificate.
 */
#ifndef TOLLGATE_CERTS_CHAIN_NAMES_H
#define TOLLGATE_CERTS_CHAIN_NAMES_H

#include "common/base/error.h"

#include <openssl/x509.h>

/*
 * Subject alternative names of type DNS in lower case, NULL-terminated; the
 * common name counts for nothing, as with clients (RFC 6125, 6.4.4). Names
 * that are none (NUL bytes and the like) are left out; no name at all is an
 * error.
 */
bool chain_names_take(X509 *leaf, char ***names_r, struct error *err);
void chain_names_free(char ***names);

#endif
