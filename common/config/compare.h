/*
 * compare.h - what one snapshot has and another has not.
 *
 * What a file does not say is off, and a file that is being written does not
 * say all. So a reload asks here first: what is lost is listed, and protection
 * that would be lost, or a file that looks cut, needs somebody's word.
 */
#ifndef TOLLGATE_CONFIG_COMPARE_H
#define TOLLGATE_CONFIG_COMPARE_H

#include "common/config/config.h"

/* Texts for people; owned. */
struct config_texts {
    char **items;
    size_t count;
};

struct config_changes {
    /* Options and sections that are set in one of the two alone, of lists each
     * item: `service "25": trusted_proxies 192.0.2.1`. No value but of lists,
     * and of these none that is hidden (show_hidden). */
    struct config_texts gained, lost;
    /*
     * What nobody loses by absence: the proof of a service, its frontends, the
     * last limit, a listener; and each file that has lost its last statement
     * or its last newline, which is how a half-written one looks.
     */
    struct config_texts guarded;
};

/* Fills *changes_r, which the caller clears. */
void config_compare(const struct config *before, const struct config *after,
    struct config_changes *changes_r);
void config_changes_clear(struct config_changes *);

/* "a; b; c", at most size - 1 bytes, with "and 3 more" for the rest. */
void config_texts_join(const struct config_texts *, char *out, size_t size);

#endif
