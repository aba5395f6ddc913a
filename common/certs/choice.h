/*
 * choice.h - which of the candidates are served: per key algorithm the valid
 * one that ends last, for the first of the names that there is one for.
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
};

/*
 * in_use: as choice.chains; what is used again is moved out. A chain that ends
 * before the one in use of its algorithm does not replace it while that one is
 * valid, unless may_be_older; while something is wrong nothing is given up.
 */
void choice_make(struct look *, char *const *names, int64_t now_s,
    bool may_be_older, struct chain *in_use[CHAIN_ALGORITHMS],
    struct choice *choice_r);
void choice_clear(struct choice *);

/* The key and certificates of all of them; wipe and free it. */
char *choice_pem(struct chain *const chains[CHAIN_ALGORITHMS], size_t *len_r);

#endif
