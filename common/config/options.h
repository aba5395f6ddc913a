/*
 * options.h - the one table of all options of tollgate.conf.
 *
 * Feeds the file's parser, the defaults, the environment, -o, the range checks,
 * config_show and the test that the man page and the sample name every row.
 */
#ifndef TOLLGATE_CONFIG_OPTIONS_H
#define TOLLGATE_CONFIG_OPTIONS_H

#include "common/base/duration.h"
#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum option_section {
    SECTION_TOP,
    SECTION_SERVICE,
    SECTION_LIMIT,
    SECTION_POLICYD,
    SECTION_MILTER,
    SECTION_CERTIFICATE,
    OPTION_SECTIONS,
};

/* What a value is, and the C type of its field. */
enum option_type {
    OPTION_NUMBER,    /* uint8_t or uint32_t, by size */
    OPTION_BOOL,      /* bool */
    OPTION_DURATION,  /* uint64_t, ms */
    OPTION_RATE,      /* struct rate */
    OPTION_MODE,      /* unsigned, from octal */
    OPTION_WORD,      /* unsigned or an enum: the place in words */
    OPTION_TEXT,      /* char * */
    OPTION_KEY,       /* struct limit_section_key; a list */
    OPTION_EVENT,     /* struct limit_section_event */
    OPTION_TEXTS,     /* char **, NULL-terminated; a list */
    OPTION_ARGV,      /* the same, in which an item may stand twice */
    OPTION_PAIRS,     /* no field: option_pairs.h reads the setting; a list */
    OPTION_CIDRS,     /* struct cidr_list; a list */
    OPTION_LISTENERS, /* struct config_listeners; a list */
};

enum option_flags {
    OPTION_AT_START = 1, /* only a restart changes it; else a reload does */
    OPTION_SECRET = 2,   /* never shown */
};

struct option {
    enum option_section section;
    const char *name;
    const char *label; /* as -o and errors call it: "policyd.http" */
    enum option_type type;
    size_t offset, size;      /* of its field; size 0: it has none */
    const char *def;          /* as -o would take it; NULL: no value */
    const char *min, *max;    /* NUMBER and DURATION */
    const char *const *words; /* WORD, KEY, EVENT, PAIRS; ends with NULL */
    bool (*check)(const char *text, struct error *err); /* NULL: none */
    unsigned flags;
    const char *help;
};

struct option_section_kind {
    const char *name; /* NULL: the top */
    bool is_titled;
};

extern const struct option options[];
extern const size_t option_count;
extern const struct option_section_kind option_sections[OPTION_SECTIONS];

/* Does it take { a, b } and +=? */
bool option_is_list(const struct option *);

/* NULL: no such option. */
const struct option *option_find(enum option_section, const char *name);
const struct option *option_find_label(const char *label);

/* False: no such section. */
bool option_section_find(const char *name, enum option_section *section_r);

/* The rows of a section stand together: the first, and how many. */
size_t option_rows(enum option_section, const struct option **first_r);

#endif
