/*
 * option_types.h - reading a value of each type, and storing it in its field.
 */
#ifndef TOLLGATE_CONFIG_OPTION_TYPES_H
#define TOLLGATE_CONFIG_OPTION_TYPES_H

#include "common/config/options.h"

/*
 * Checks one value (of a list: one item). canonical_r: its one form, owned by
 * the caller. False: err says what is wrong and what is allowed.
 */
bool option_read(const struct option *, const char *text, char **canonical_r,
    struct error *err);

/* Into the option's field of the struct at base, whose old value must be zero.
 * The items have been read before, so this cannot fail. */
void option_store(
    const struct option *, char *const *items, size_t count, void *base);

/* Frees what option_store allocated there. */
void option_clear(const struct option *, void *base);

#endif
