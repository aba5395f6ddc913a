/*
 * root_path.h - paths that root opens and makes in other users' folders.
 *
 * Who may write into a folder may put a link there at any moment, and have
 * root write through it. So every step is taken from the folder before, and
 * as root a link is followed only where root alone may write; elsewhere it is
 * ELOOP. Who is not root follows links as open(2) does.
 */
#ifndef TOLLGATE_BASE_ROOT_PATH_H
#define TOLLGATE_BASE_ROOT_PATH_H

#include <stdbool.h>
#include <sys/types.h>

/* As open(2), O_CLOEXEC set: the caller's to close; -1 with errno. */
int root_path_open(const char *path, int flags, mode_t mode);

/*
 * Makes a folder, and with `parents` those above it, where they are missing;
 * as root for that user. False with errno, which is EEXIST without `parents`
 * if it is there. No step follows a link, see above.
 */
bool root_path_make_folder(
    const char *path, mode_t mode, uid_t uid, gid_t gid, bool parents);

#endif
