/*
 * chain.h - a private key and the certificates that belong to it, checked.
 *
 * A struct chain is something that Postfix can serve: one unencrypted key, its
 * certificate, and the certificate's issuers in turn, with keys and signatures
 * of a kind and strength that clients accept. chain_build.h puts them in
 * order. Dates and names are not judged here: the callers ask for them. No
 * I/O; the key is wiped when the chain is freed.
 */
#ifndef TOLLGATE_CERTS_CHAIN_H
#define TOLLGATE_CERTS_CHAIN_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CHAIN_CERTIFICATES_MAX 10
#define CHAIN_NOTE_SIZE        256
/* Postfix reads at most 100000 bytes of a socketmap's reply, "OK " and base64:
 * https://www.postfix.org/socketmap_table.5.html */
#define CHAIN_REPLY_MAX 99000

enum chain_algorithm {
    CHAIN_RSA,
    CHAIN_ECDSA,
    CHAIN_ED25519,
    CHAIN_ML_DSA_65,
    CHAIN_ALGORITHMS,
};

struct chain {
    enum chain_algorithm algorithm;
    unsigned bits;
    bool is_rare; /* EC on a curve that fewer clients know than P-256 */
    char *pem;    /* key, leaf, the others; NUL-terminated */
    size_t pem_len;
    char **names;      /* of the leaf: lower case, NULL-terminated */
    int64_t issued_at; /* unix time: notBefore of the leaf */
    int64_t not_before, not_after; /* unix time: when leaf and the issuers that
                                    * are needed are valid */
    char fingerprint[65];          /* SHA-256 of the leaf, hex */
    char issuer[128];              /* of the leaf, for people */
    bool is_staging; /* the issuer is an authority for tests: chain_staging.h */
    char note[CHAIN_NOTE_SIZE]; /* what was left out or is missing; "": nothing
                                 */
};

/* Two texts in PEM, which may be the same; what else they hold is skipped. */
struct chain_text {
    const char *certificates; /* in any order */
    size_t certificates_len;
    const char *key;
    size_t key_len;
    size_t key_number; /* which of the key's text, from 0 */
    int64_t now_s;     /* unix time: an issuer that has expired is left out */
};

/* NULL: err says what is wrong, and never holds anything of a key. */
struct chain *chain_new(const struct chain_text *, struct error *err);
void chain_free(struct chain **);

#define CHAIN_DATE_SIZE 32
/* "2026-08-21T12:34:56Z"; returns text. */
char *chain_date(int64_t unix_s, char text[CHAIN_DATE_SIZE]);

/*
 * How long before its end a certificate is worth a warning, in seconds: less
 * than a third of its own lifetime, a quarter where that is below ten days,
 * and no more than bound_s. Tools renew before that, whatever the lifetime.
 */
int64_t chain_warning_s(int64_t issued_at, int64_t not_after, int64_t bound_s);

/* Is it valid at now_s, unix time? False: err says why not. */
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

/* "RSA", "ECDSA", "Ed25519" or "ML-DSA-65". */
const char *chain_algorithm_name(enum chain_algorithm);
/* Do ordinary clients of today verify its signatures? Others are served beside
 * such a one only. */
bool chain_is_ordinary(enum chain_algorithm);

#endif
