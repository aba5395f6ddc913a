/*
 * option_pairs.h - what stands in a list of OPTION_PAIRS: { hold, ban = "1h" }.
 *
 * Each item is kept as one text, "hold" or "ban=1h". A row's words say which
 * names there are and what follows them: "hold", "ban=DURATION", "after=NUMBER"
 * (durations of 1 s to 366 days, numbers of 2 to 1000).
 */
#ifndef TOLLGATE_CONFIG_OPTION_PAIRS_H
#define TOLLGATE_CONFIG_OPTION_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is the name in the list? */
bool option_pairs_has(char *const *items, size_t count, const char *name);
/* The milliseconds, or the number, that follow the name; 0: it is not there. */
uint64_t option_pairs_value(char *const *items, size_t count, const char *name);
/* A name that stands there twice; NULL: none. It is the second item. */
const char *option_pairs_double(char *const *items, size_t count);
/* What follows the '=' of an item; NULL: there is none. */
const char *option_pairs_text(const char *item);

#endif
