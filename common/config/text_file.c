/*
 * text_file.c - reads a whole small text file.
 *
 * For start and reload only: it waits for the disk. A file with a NUL is
 * refused, because everything after it would be overlooked by C strings.
 */
#include "common/config/text_file.h"

#include "common/base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_all(
    FILE *file, char *text, size_t max_len, size_t *len_r, struct error *err)
{
    *len_r = fread(text, 1, max_len + 1, file);
    if (ferror(file))
        return error_set(err, "%s", strerror(errno));
    if (*len_r > max_len)
        return error_set(err, "larger than %zu bytes", max_len);
    if (memchr(text, '\0', *len_r) != NULL)
        return error_set(err, "holds a NUL byte; it must be a text");
    text[*len_r] = '\0';
    return true;
}

char *text_file_read(
    const char *path, size_t max_len, size_t *len_r, struct error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        error_set(err, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = xcalloc(max_len + 1, 1);
    if (!read_all(file, text, max_len, len_r, err)) {
        error_prefix(err, "%s: ", path);
        free(text);
        text = NULL;
    }
    (void)fclose(file);
    return text;
}
