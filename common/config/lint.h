/*
 * lint.h - the structure of a configuration file, with the line of each part.
 *
 * libconfuse keeps no line numbers and lets doubled options, doubled sections
 * and missing ends pass. This pass over the text refuses them, follows
 * include(), and remembers where each option stands. It knows nothing of what
 * an option means. Included files count from the folder of the file that
 * includes them; include() stands outside of sections.
 */
#ifndef TOLLGATE_CONFIG_LINT_H
#define TOLLGATE_CONFIG_LINT_H

#include "common/base/error.h"

#include <stddef.h>

enum lint_form {
    LINT_BARE,   /* name = value */
    LINT_QUOTED, /* name = "value" */
    LINT_LIST,   /* name = { ... }, or += */
    LINT_SECTION,
};

struct lint_entry {
    enum lint_form form;
    bool is_append;  /* set by += */
    char *section;   /* the section it stands in; NULL: none */
    char *title;     /* of that section; NULL: none */
    char *name;      /* the option, or for LINT_SECTION the section */
    char *own_title; /* LINT_SECTION: its title; NULL: none */
    char *file;
    unsigned line;
};

/* One file that was read: how it ends tells whether it was cut. */
struct lint_file {
    char *path;
    char **statements; /* outside of sections, in the order of the text:
                          "store", "limit \"day\"", "include" */
    size_t count;
    bool is_ended; /* the last line ends in a newline */
};

struct lint {
    struct lint_entry *entries; /* in the order of the text; an
                                   option has one more for each += */
    size_t count;
    struct lint_file *files; /* in the order in which they begin */
    size_t file_count;
    /* The same configuration in one text: no comments, includes in place. */
    char *text;
    size_t text_len;
};

/* False with "file:line: name: what is wrong"; *lint is empty then. A regular
 * file that holds nothing but blanks is wrong: one being written looks so. */
bool lint_read(const char *path, struct lint *, struct error *err);
void lint_clear(struct lint *);

/* An option; section and title NULL: outside of sections. NULL: not there. */
const struct lint_entry *lint_find(const struct lint *, const char *section,
    const char *title, const char *name);
const struct lint_entry *lint_find_section(
    const struct lint *, const char *name, const char *title);

/* For lint_read: a new entry, which lives until the next is added. */
struct lint_entry *lint_add(struct lint *, const char *file, unsigned line);
/* For lint_read: a new file; its index. */
size_t lint_add_file(struct lint *, const char *path, bool is_ended);
/* Takes the text. */
void lint_add_statement(struct lint_file *, char *text);
/* Frees an array of files and what they own. */
void lint_files_free(struct lint_file *, size_t count);

#endif
