/*
 * text_file.h - a whole small text file in memory.
 */
#ifndef TOLLGATE_CONFIG_TEXT_FILE_H
#define TOLLGATE_CONFIG_TEXT_FILE_H

#include "common/base/error.h"

#include <stddef.h>

/*
 * Its bytes and a NUL; the caller frees. NULL with "path: reason" if it cannot
 * be read, holds a NUL, or is larger than max_len. A pipe is read to its end.
 */
char *text_file_read(
    const char *path, size_t max_len, size_t *len_r, struct error *err);

#endif
