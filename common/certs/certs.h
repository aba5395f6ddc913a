/*
 * certs.h - certificates that go live with the next handshake.
 *
 * Looks at the source of every certificate section when something happens
 * there, and once a minute; checks what it finds, keeps what is good in
 * memory for the SNI face, and publishes it: file, refresh map, command. A
 * source that is half-written, wrong or away changes nothing: the last good
 * certificate stays, one log line says what is wrong, and it is tried again.
 */
#ifndef TOLLGATE_CERTS_CERTS_H
#define TOLLGATE_CERTS_CERTS_H

#include "common/certs/chain.h"
#include "common/config/config.h"

#include <sys/types.h>

struct certs;
struct evbuffer;
struct event_base;

/* Before privileges are dropped: folders of our own and the helper. */
struct certs_start {
    int command_fd; /* of command.h; -1: none */
};
/* Makes the folders of what is published, for that user and group, and starts
 * the helper of on_change. False: err. */
bool certs_prepare(const struct config *, uid_t uid, gid_t gid,
    struct certs_start *, struct error *err);

/* Holds the snapshot. All sources have been looked at when it returns. */
struct certs *certs_new(
    struct event_base *, struct config *, const struct certs_start *);
void certs_free(struct certs **);

/* A new snapshot, or the same: every source is read again now. */
void certs_reload(struct certs *, struct config *);
/*
 * A successor publishes from now on; we only answer those still connected.
 * What is being written is written: until then certs_is_idle is false, and
 * on_idle is called when it may have become true.
 */
void certs_retire(
    struct certs *, void (*on_idle)(void *context), void *context);
bool certs_is_idle(const struct certs *);

/*
 * Every source is read again now. on_done is called once, from the loop, when
 * all of them have been; certs_report then says what came of it. Whoever ends
 * before that forgets it, by its context.
 */
void certs_look_now(
    struct certs *, void (*on_done)(void *context), void *context);
void certs_forget(struct certs *, const void *context);

/*
 * The reply of the socketmap for a name, in lower case: key and certificates
 * that cover it, as a netstring. NULL: none. Valid until the loop goes on.
 */
const char *certs_find(const struct certs *, const char *name, size_t *len_r);

/* In Prometheus' text format. */
void certs_write_metrics(const struct certs *, struct evbuffer *);

/*
 * What people may know of a chain in use: nothing of its key. All times are
 * unix time in seconds.
 */
struct certs_chain {
    const char *key_type; /* "RSA" "ECDSA" "Ed25519" "ML-DSA-65" */
    unsigned key_bits;
    char *const *names; /* of the leaf: lower case, NULL-terminated */
    const char *issuer;
    const char *fingerprint; /* SHA-256 of the leaf, hex */
    int64_t issued_at;       /* notBefore of the leaf */
    int64_t not_before, not_after;
    const char *found_at; /* the place in the source, for people */
    int64_t since_s;      /* in use, and on the SNI face, since then */
};

/* Where a section's chains go, besides the SNI face. */
struct certs_way {
    const char *target; /* a path; of on_change the program; "": none */
    int64_t done_s;     /* when it last succeeded; 0: not known */
    bool is_due;        /* to be done, or failed and to be tried again */
};

/* What is served in the end, at the places of verify. */
struct certs_verify {
    const char *places;  /* in one line; "": none */
    const char *problem; /* of the last look; NULL: none, or not looked yet */
    bool has_failed;     /* a problem that has lasted, and was logged */
    int64_t looked_s, good_s; /* unix time of the last look, and of the last
                               * one without a problem; 0: not yet */
};

/* One certificate section. */
struct certs_report {
    const char *title;
    const char *source;       /* as configured */
    const char *problem;      /* of the last look; NULL: none */
    int64_t looked_s;         /* when its source was last looked at */
    int64_t expiry_warning_s; /* its own bound; 0: the configuration's */
    bool has_sni;
    struct certs_chain chains[CHAIN_ALGORITHMS];
    size_t chain_count; /* 0: there is none to serve */
    struct certs_way default_chain, refresh_map, on_change;
    struct certs_verify verify;
};

/*
 * The sections in the order of the configuration: index counts from 0; false:
 * no more. What the report points to is valid until the loop goes on.
 */
bool certs_report(
    const struct certs *, size_t index, struct certs_report *report_r);

#endif
