/*
 * choice.h - which of the candidates are served.
 *
 * Per key algorithm, the valid candidate that was issued last, from whichever
 * of the section's sources, for the first of the names that has a valid
 * candidate. One of a real authority comes before one of an authority for
 * tests, and one on an ordinary curve before one that fewer clients know.
 * ML-DSA-65 is never served alone, since a client that does not know it has no
 * other way. The sources are the truth: what is in
 * use counts only while they hold nothing in its place.
 */
#ifndef TOLLGATE_CERTS_CHOICE_H
#define TOLLGATE_CERTS_CHOICE_H

#include "common/certs/source.h"

struct choice {
    /* Taken out of the look, or of what was in use: now the choice's. */
    struct chain *chains[CHAIN_ALGORITHMS];
    char *where[CHAIN_ALGORITHMS]; /* where the new ones came from; else NULL */
    /* What is wrong with the source, or with one of its entries that would
     * have been taken; NULL: nothing. */
    char *problem;
    /* No problem: a source that is not there, or empty, may be in the middle of
     * being written, and what is in use may have come from it. */
    bool is_waiting;
};

struct choice_terms {
    char *const
        *names;      /* in lower case, NULL-terminated; the first counts most */
    int64_t now_s;   /* unix time */
    bool is_settled; /* the source has had time to become whole */
    bool is_new_source; /* it is another one than what is in use came from */
    bool has_waited;    /* LOOK_MAKING_S, for a source that is not there */
};

/*
 * in_use: as choice.chains; what is used again is moved out. While it is
 * valid, or nothing is, it is kept
 * - where something is wrong with a source, or one is waited for, and no source
 *   has a valid candidate of its algorithm;
 * - where something is wrong with the source, is not settled, and the best
 *   candidate was issued before it: a tool may be in the middle of its work;
 * - where the best candidate is of an authority for tests and it is not.
 * A new source keeps only by the first of these. A source that is not there, or
 * empty, is a problem only where no other has a valid candidate.
 */
void choice_make(struct look *, const struct choice_terms *,
    struct chain *in_use[CHAIN_ALGORITHMS], struct choice *choice_r);
void choice_clear(struct choice *);

/* The key and certificates of all of them; wipe and free it. */
char *choice_pem(struct chain *const chains[CHAIN_ALGORITHMS], size_t *len_r);

#endif
