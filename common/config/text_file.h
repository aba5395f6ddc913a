/*
 * text_file.h - a whole small text file in memory.
 */
#ifndef TOLLGATE_CONFIG_TEXT_FILE_H
#define TOLLGATE_CONFIG_TEXT_FILE_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Its bytes and a NUL; the caller frees. NULL with "path: reason" if it cannot
 * be read, holds a NUL, or is larger than max_len. A pipe is read to its end.
 */
char *text_file_read(
    const char *path, size_t max_len, size_t *len_r, struct error *err);

/*
 * Has nothing happened to the file between these two? By the change of its
 * inode, not of its text: what was copied into it with an old date, or has only
 * become readable, is news too.
 */
bool text_file_is_same(const struct stat *, const struct stat *);

/* A line, in place: without its comment and the blanks at both ends. */
char *text_file_bare_line(char *line);

#endif
