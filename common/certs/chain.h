/*
 * chain.h - a private key and the certificates that belong to it, checked.
 *
 * Whoever holds a struct chain holds something that Postfix can serve: one
 * unencrypted key that fits the first certificate, every other certificate the
 * issuer of the one before, key and signatures of a strength that clients
 * accept. Dates and names depend on when and for what it is asked, so they
 * are asked for. No I/O; the key is wiped when it is freed.
 */
#ifndef TOLLGATE_CERTS_CHAIN_H
#define TOLLGATE_CERTS_CHAIN_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CHAIN_CERTIFICATES_MAX 10
#define CHAIN_NAMES_MAX        200
/* Postfix reads at most 100000 bytes of a socketmap's reply, "OK " and base64:
 * https://www.postfix.org/socketmap_table.5.html */
#define CHAIN_REPLY_MAX 99000

enum chain_algorithm {
    CHAIN_RSA,
    CHAIN_ECDSA,
    CHAIN_ED25519,
    CHAIN_ALGORITHMS,
};

struct chain {
    enum chain_algorithm algorithm;
    unsigned bits;
    char *pem; /* key, leaf, the others; NUL-terminated */
    size_t pem_len;
    char **names; /* of the leaf: lower case, NULL-terminated */
    int64_t not_before, not_after; /* unix time: when all of it is valid */
    char fingerprint[65];          /* SHA-256 of the leaf, hex */
    char issuer[128];              /* of the leaf, for people */
};

/*
 * certificates: PEM, the leaf first. key: PEM; may be the same text. What else
 * the texts hold is skipped. NULL: err says what is wrong, and never holds
 * anything of a key.
 */
struct chain *chain_new(const char *certificates, size_t certificates_len,
    const char *key, size_t key_len, struct error *err);
void chain_free(struct chain **);

#define CHAIN_DATE_SIZE 32
/* "2026-08-21T12:34:56Z"; returns text. */
char *chain_date(int64_t unix_s, char text[CHAIN_DATE_SIZE]);

bool chain_check_dates(const struct chain *, int64_t now_s, struct error *err);

/*
 * Is the certificate good for that name, in lower case? A wildcard stands for
 * exactly one label, the first (RFC 6125, 6.4.3). The name may be a wildcard
 * itself: then only the same one covers it.
 */
bool chain_covers(const struct chain *, const char *name);
bool chain_name_matches(const char *pattern, const char *name);

/* Bytes of the reply that a pem of that length becomes. */
size_t chain_reply_size(size_t pem_len);

const char *chain_algorithm_name(enum chain_algorithm);

#endif
