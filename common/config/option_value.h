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
    option_rate, option_mode, option_key, option_event, option_pairs;

/* One of option->words; canonical_r and err as in option_types.h. */
bool option_word_read(const struct option *, const char *text,
    char **canonical_r, struct error *err);
/* The place in option->words of a text that option_word_read has taken. */
unsigned option_word_index(const struct option *, const char *text);

#endif
