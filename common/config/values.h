/*
 * values.h - every option of a configuration as text, and where it was set.
 *
 * Between the sources (file, environment, -o) and struct config: all of them
 * set values here, in the order of their rank, so that the last wins and an
 * error can name the place. Texts are canonical: equal values, equal texts.
 */
#ifndef TOLLGATE_CONFIG_VALUES_H
#define TOLLGATE_CONFIG_VALUES_H

#include "common/base/error.h"
#include "common/config/options.h"

struct setting {
    const struct option *option;
    char **items; /* a list's items; else one, or none: no value */
    size_t count;
    char *where; /* "tollgate.conf:3", "environment X", "-o"; NULL: default */
    const char *title; /* its section's; NULL: none */
};

struct section {
    enum option_section kind;
    char *title;              /* NULL: none */
    char *where;              /* "tollgate.conf:3"; NULL: not in a file */
    struct setting *settings; /* one per row of the table, in its order */
    size_t count;
};

/* One file that was read: how it ends tells whether it was cut. */
struct conf_file {
    char *path;
    char **statements; /* outside of sections, in the order of the text:
                          "store", "limit \"day\"", "include" */
    size_t count;
    bool is_ended; /* the last line ends in a newline */
};

struct values {
    struct section *sections; /* top, policyd, milter, then as in the file */
    size_t count;
    struct conf_file *files; /* in the order in which they begin */
    size_t file_count;
};

/* The defaults. */
struct values *values_new(void);
void values_free(struct values **);

/* Filled with defaults; the pointer lives until the next is added. */
struct section *values_add_section(struct values *, enum option_section kind,
    const char *title, const char *where);
/* A section without a title, which is always there. */
struct section *values_section(const struct values *, enum option_section);
struct setting *section_setting(const struct section *, const char *name);

/* A new file; its index. */
size_t values_add_file(struct values *, const char *path, bool is_ended);
/* A statement of that file; title NULL: an option, or a section without. */
void values_note_statement(
    struct conf_file *, const char *name, const char *title);

/*
 * Checks the items and sets them; the old value stays if it fails. where NULL:
 * a default.
 */
bool setting_assign(struct setting *, const char *const *items, size_t count,
    const char *where, struct error *err);
/* The same from one text; a list is split at commas. */
bool setting_assign_text(
    struct setting *, const char *text, const char *where, struct error *err);

/* "", where there is no value; of a list the first item. */
const char *setting_text(const struct setting *);
bool setting_is_same(const struct setting *, const struct setting *);

/* Always false, with "where: name: text". */
bool setting_refuse(const struct setting *, struct error *err,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
bool section_refuse(const struct section *, struct error *err,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
