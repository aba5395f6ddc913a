/*
 * file.h - reads the files of a source, bounded, and notes what to watch.
 *
 * Never follows a name to a device or a pipe, never reads more than it was
 * allowed, and never changes a mode or an owner: Traefik refuses its file if
 * anybody else can read it.
 */
#ifndef TOLLGATE_CERTS_FILE_H
#define TOLLGATE_CERTS_FILE_H

#include "common/base/error.h"

#include <stddef.h>

#define FILE_PATHS_MAX 512

/* Files and folders that a change would show in; no path twice. */
struct file_paths {
    char **items; /* owned */
    size_t count; /* FILE_PATHS_MAX at most; more are left to the poll */
};

struct file_text {
    char *bytes; /* owned; NUL-terminated */
    size_t len;
};

/* A folder, or the nearest one above it that exists. */
void file_note_folder(struct file_paths *, const char *path);
/* Once. */
void file_paths_add(struct file_paths *, const char *path);
/* The first count of them are left. */
void file_paths_cut(struct file_paths *, size_t count);
void file_paths_clear(struct file_paths *);

/* Notes the path, whether or not it can be read; err names it. */
bool file_read(struct file_paths *, const char *path, size_t max,
    struct file_text *text_r, struct error *err);
/* Wipes it. */
void file_text_clear(struct file_text *);

#endif
