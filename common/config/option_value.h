/*
 * option_value.h - how a value of one type is read, stored and freed: a row of
 * functions with the meaning of option_types.h, but for one field.
 */
#ifndef TOLLGATE_CONFIG_OPTION_VALUE_H
#define TOLLGATE_CONFIG_OPTION_VALUE_H

#include "common/config/options.h"

struct option_value {
    bool (*read)(const struct option *, const char *text, char **canonical_r,
        struct error *);
    void (*store)(
        const struct option *, char *const *items, size_t count, void *field);
    void (*clear)(void *field); /* NULL: nothing is owned */
};

extern const struct option_value option_number, option_bool, option_duration,
    option_rate, option_mode;

#endif
