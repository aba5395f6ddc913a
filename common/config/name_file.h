/*
 * name_file.h - senders, logins or recipients that a limit is for, in a file.
 *
 * One name a line, as in the configuration; '#' begins a comment. At most
 * NAME_FILE_SIZE_MAX bytes. Read
 * when the configuration is, and again when the file has changed; what is then
 * wrong is logged, and the list stays as it was.
 */
#ifndef TOLLGATE_CONFIG_NAME_FILE_H
#define TOLLGATE_CONFIG_NAME_FILE_H

#include "common/base/error.h"
#include "common/core/name_list.h"

#include <stdint.h>

#define NAME_FILE_SIZE_MAX (1024 * 1024)

struct name_file;

/* As names of an option: checked, and in the form in which they are counted. */
struct name_form {
    bool is_login;          /* or an address */
    const char *delimiters; /* of addresses; borrowed, outlives the file */
};

/* "/PATH" of "file:/PATH"; NULL: the text is a name. */
const char *name_file_path(const char *text);

/* In its form, for a list. */
void name_form_add(
    const struct name_form *, const char *text, struct name_list *);

/* Reads it; NULL: "PATH:LINE: what is wrong". */
struct name_file *name_file_new(
    const char *path, const struct name_form *, struct error *err);
void name_file_free(struct name_file **);

/* Its names; borrowed, replaced in place when the file changes. */
const struct name_list *name_file_list(const struct name_file *);

/* Reads it anew if it has changed. now_ms: monotonic. */
void name_file_look(struct name_file *, uint64_t now_ms);

#endif
