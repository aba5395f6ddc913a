/*
 * round.h - one look at the sources of all sections, a little at a time.
 *
 * A look is left out where the files and folders of the last one are the same,
 * by what stat(2) says of them, and no date in what they hold has passed.
 * A section takes what its look has found as soon as that is over. What is
 * seen may change meanwhile: then the watch says so, and another round
 * follows.
 */
#ifndef TOLLGATE_CERTS_ROUND_H
#define TOLLGATE_CERTS_ROUND_H

#include "common/certs/certificate.h"

struct round {
    struct certificate *const *items; /* borrowed */
    size_t count, index;
    struct look look;
    bool is_looking;  /* at the source of items[index] */
    bool is_checking; /* whether a look there can be left out */
    size_t checked;   /* of its stamps */
    bool is_first;    /* since start */
    bool is_whole;    /* no look is left out */
    /* Of the sections so far. */
    struct file_paths paths; /* to be watched */
    bool is_wrong;           /* something, somewhere, or not there yet */
};

/* Starts at the first section; the items are borrowed until the round is over.
 */
void round_begin(struct round *, struct certificate *const *items, size_t count,
    bool is_first, bool is_whole);
/* Does the least that can be done. False: the round is over. */
bool round_step(struct round *);
/* Over or not. */
void round_clear(struct round *);

#endif
