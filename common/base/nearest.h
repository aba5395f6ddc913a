/*
 * nearest.h - which known word somebody may have meant.
 *
 *     struct nearest nearest;
 *     nearest_begin(&nearest, typed);
 *     for (each word) nearest_try(&nearest, word);
 *     nearest_word(&nearest)    NULL: none is near
 */
#ifndef TOLLGATE_BASE_NEAREST_H
#define TOLLGATE_BASE_NEAREST_H

struct nearest {
    const char *typed; /* borrowed */
    const char *best;  /* borrowed; NULL: none yet */
    unsigned distance; /* of best: letters to change, add, drop or swap */
};

/* The word that was typed is borrowed until the last nearest_try. */
void nearest_begin(struct nearest *, const char *typed);
/* Offers a word, borrowed too, that could have been meant. */
void nearest_try(struct nearest *, const char *word);

/* At most two letters off, or one in four; NULL: none is. */
const char *nearest_word(const struct nearest *);

#endif
