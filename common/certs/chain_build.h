/*
 * chain_build.h - the chain that a key's certificate needs, out of
 * certificates in any order.
 *
 * A tool may write an intermediate twice, in the wrong order, an old
 * cross-sign at the end, or somebody else's root. Postfix sends what it is
 * given as it stands (SSL_CTX_use_cert_and_key(3), the chain of
 * smtpd_tls_chain_files), so the chain is put in order here. No I/O.
 */
#ifndef TOLLGATE_CERTS_CHAIN_BUILD_H
#define TOLLGATE_CERTS_CHAIN_BUILD_H

#include "common/certs/chain.h"
#include "common/certs/pem.h"

/* Certificates of one chain; all are borrowed from a pool. */
struct chain_links {
    X509 *items[CHAIN_CERTIFICATES_MAX]; /* the leaf, then each issuer */
    size_t count;
    size_t needed; /* the first so many; later ones only lead to other roots */
};

/*
 * links_r: the leaf is the pool's certificate with the public key of key;
 * where several have it, the one that is valid at now_s (unix time), then the
 * one issued last. Then comes each issuer that the pool holds, up to one that
 * issued itself. Among certificates of one issuer a valid one that did not
 * issue itself comes first, so that a cross-sign is sent in place of the root.
 * An issuer that has expired, or is signed with a weak digest, ends the chain
 * before it where the chain holds without it: not directly above the leaf.
 *
 * note: says which certificates were left out and why, or that the leaf's
 * issuer is missing; "" if all were used. False: err says that no certificate
 * fits the key.
 */
bool chain_build(const struct pem_certificates *pool, EVP_PKEY *key,
    int64_t now_s, struct chain_links *links_r, char note[CHAIN_NOTE_SIZE],
    struct error *err);

/* True: the certificate names itself as its issuer. */
bool chain_is_self_issued(X509 *);
/* True: the signature's digest is one that clients accept. */
bool chain_is_signed_well(X509 *);
/* Unix time; false: the certificate's date is malformed. */
bool chain_read_time(const ASN1_TIME *, int64_t *unix_r);

#endif
