/*
 * names.h - the first few different names that were seen.
 *
 * Asked at every decision, so it costs one comparison where the same name
 * comes again. Bounded: names come from Postfix, not from strangers, and those
 * that find no place are missing from what operators are shown.
 */
#ifndef TOLLGATE_ENGINE_NAMES_H
#define TOLLGATE_ENGINE_NAMES_H

#include <stddef.h>

#define NAMES_MAX  32
#define NAMES_SIZE 64 /* of a name with its NUL; longer ones are not kept */

/* All zero at first. */
struct names {
    size_t count, last; /* last: the one that came last */
    char items[NAMES_MAX][NAMES_SIZE];
};

/* Remembers the name. Of more than NAMES_MAX, and of longer ones, none is kept.
 */
void names_note(struct names *, const char *name);

#endif
