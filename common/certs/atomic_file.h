/*
 * atomic_file.h - replaces a file as a whole: whoever opens it sees the old
 * one or the new one.
 *
 * Written beside it, synced, renamed over it. The folder has to be writable
 * for us; nothing else need be.
 */
#ifndef TOLLGATE_CERTS_ATOMIC_FILE_H
#define TOLLGATE_CERTS_ATOMIC_FILE_H

#include "common/base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Writes beside the path, syncs, renames. False: err, and the old file stays.
 */
bool atomic_file_write(const char *path, const void *bytes, size_t len,
    mode_t mode, struct error *err);

/* The same for a file that is not there yet; gid -1: the group of new files.
 * False, and nothing has changed, if something is there. */
bool atomic_file_create(const char *path, const void *bytes, size_t len,
    mode_t mode, gid_t gid, struct error *err);

/* It holds exactly that. */
bool atomic_file_is(const char *path, const void *bytes, size_t len);

/*
 * Makes the folder of a path, and those above it, where they are missing,
 * with mode 0750, for that user. For start-up, as whoever started us.
 */
bool atomic_file_make_folder(
    const char *path, uid_t uid, gid_t gid, struct error *err);

#endif
