/*
 * conf_assign.h - what a statement of tollgate.conf means.
 *
 * Names and forms are held against the table of options, and the values are
 * set. The parser calls these functions in the order of the text. An error
 * text is whole but for "file:line: ", and the name before it, which the
 * parser adds.
 */
#ifndef TOLLGATE_CONFIG_CONF_ASSIGN_H
#define TOLLGATE_CONFIG_CONF_ASSIGN_H

#include "common/config/values.h"

enum conf_form {
    CONF_BARE,   /* name = value, or ${NAME} */
    CONF_QUOTED, /* name = "value" */
    CONF_LIST,   /* name = { ... } */
};

/*
 * The section that a text opens at where ("tollgate.conf:3"); title NULL:
 * none. NULL with an error: no such section, a title too many or too few, or a
 * section that stands in the file already. The pointer lives until the next
 * section is opened.
 */
struct section *conf_open_section(struct values *, const char *name,
    const char *title, const char *where, struct error *err);

/* The setting that is called so, and that the file has not set yet unless
 * is_append. NULL with an error. */
struct setting *conf_find_setting(const struct section *, const char *name,
    bool is_append, struct error *err);

/* False with an error: a list where one value goes, += on one value, quotes
 * around a number. */
bool conf_check_form(
    const struct setting *, enum conf_form, bool is_append, struct error *err);

/* Sets the items, or adds them to what is there. False with an error that has
 * its place (where) already. */
bool conf_assign(struct setting *, bool is_append, char *const *items,
    size_t count, const char *where, struct error *err);

#endif
