/*
 * chain_staging.h - authorities that sign for tests only.
 */
#ifndef TOLLGATE_CERTS_CHAIN_STAGING_H
#define TOLLGATE_CERTS_CHAIN_STAGING_H

#include <openssl/x509.h>
#include <stdbool.h>

/* True: the certificate's issuer names itself as one that no client trusts,
 * such as the staging environment of Let's Encrypt. Decides by a table of
 * words in the issuer's names; the table names its sources. */
bool chain_staging_issuer(X509 *certificate);

#endif
