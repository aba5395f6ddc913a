/*
 * text_file.c - reads a whole small text file.
 *
 * For start and reload only: it waits for the disk. A file with a NUL is
 * refused, because everything after it would be overlooked by C strings.
 */
#include "common/config/text_file.h"

#include "common/base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096

/* As much as there is, and one byte more than is allowed at the most: there is
 * room for a NUL unless that one came. */
static char *read_bytes(FILE *file, size_t max_len, size_t *len_r)
{
    char *text = NULL;
    size_t size = 0, len = 0;

    while (len == size && size <= max_len) {
        size = size == 0 ? FIRST_SIZE : 2 * size;
        if (size > max_len + 1)
            size = max_len + 1;
        text = xrealloc(text, size);
        len += fread(text + len, 1, size - len, file);
    }
    *len_r = len;
    return text;
}

static bool check(
    FILE *file, const char *text, size_t len, size_t max_len, struct error *err)
{
    if (ferror(file))
        return error_set(err, "%s", strerror(errno));
    if (len > max_len)
        return error_set(err, "larger than %zu bytes", max_len);
    if (memchr(text, '\0', len) != NULL)
        return error_set(err, "holds a NUL byte; it must be a text");
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
    char *text = read_bytes(file, max_len, len_r);
    if (check(file, text, *len_r, max_len, err)) {
        text[*len_r] = '\0';
    } else {
        error_prefix(err, "%s: ", path);
        free(text);
        text = NULL;
    }
    (void)fclose(file);
    return text;
}

bool text_file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

char *text_file_bare_line(char *line)
{
    line[strcspn(line, "#")] = '\0';
    line += strspn(line, " \t\r");
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
        line[--len] = '\0';
    return line;
}
