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
#include "common/certs/stamp.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_PATHS_MAX 512

/* Files and folders that a change would show in; no path twice. */
struct file_paths {
    char **items; /* owned */
    size_t count; /* FILE_PATHS_MAX at most; more are left to the poll */
    struct stamps stamps; /* of all that was opened, or was not there */
};

struct file_text {
    char *bytes; /* owned; NUL-terminated */
    size_t len;
    int64_t changed_s; /* unix time: the file's mtime; 0: it was not opened */
};

/* A folder, or the nearest one above it that exists; and the folder of each
 * link on the way. */
void file_note_folder(struct file_paths *, const char *path);
/* Once. */
void file_paths_add(struct file_paths *, const char *path);
/* The first count of them are left. */
void file_paths_cut(struct file_paths *, size_t count);
void file_paths_clear(struct file_paths *);

enum file_result {
    FILE_READ,
    FILE_ABSENT,    /* ENOENT or ENOTDIR: there is no such file */
    FILE_FORBIDDEN, /* EACCES or EPERM: we may not read it */
    FILE_EMPTY,     /* 0 bytes long */
    FILE_BROKEN,    /* too large, no regular file, or any other error */
};

/*
 * Opens the file without asking beforehand, because access(2) goes by the real
 * user and forgets the capability that open(2) has. Notes the path whatever
 * comes of it. Unless FILE_READ, text_r has no bytes and err names the path;
 * at most max bytes are read, a longer file is FILE_BROKEN.
 */
enum file_result file_read(struct file_paths *, const char *path, size_t max,
    struct file_text *text_r, struct error *err);
/* Notes the path as file_read does, without reading the file. */
void file_note(struct file_paths *, const char *path);
/* Notes what opendir(3) made of a folder, before it is read; NULL: errno says
 * why not. */
void file_note_opened(struct file_paths *, const char *path, DIR *opened);
/* The text of an errno of open(2) or opendir(3); of EACCES, with the remedy. */
const char *file_reason(int error);
/* Wipes it. */
void file_text_clear(struct file_text *);

#endif
