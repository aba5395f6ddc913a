/*
 * atomic_file.c - see atomic_file.h.
 */
#include "common/certs/atomic_file.h"

#include "common/base/alloc.h"
#include "common/base/root_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void folder_of(const char *path, char folder[PATH_MAX])
{
    snprintf(folder, PATH_MAX, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *(slash == folder ? slash + 1 : slash) = '\0';
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, bytes, len);
        if (sent == -1 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The rename itself survives a crash only once the folder is on disk too. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];

    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return;
    (void)fsync(fd);
    close(fd);
}

/* gid -1: leave it. */
static bool fill(int fd, const void *bytes, size_t len, mode_t mode, gid_t gid)
{
    return write_all(fd, bytes, len) &&
           (gid == (gid_t)-1 || fchown(fd, (uid_t)-1, gid) == 0) &&
           fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

/* is_new: fails with EEXIST where there is something, a link to nothing too. */
static bool put(const char *beside, const char *path, bool is_new)
{
    return is_new ? link(beside, path) == 0 && unlink(beside) == 0
                  : rename(beside, path) == 0;
}

static bool write_whole(const char *path, const void *bytes, size_t len,
    mode_t mode, gid_t gid, bool is_new, struct error *err)
{
    char *beside = xprintf("%s.%ld.tmp", path, (long)getpid());

    (void)unlink(beside);
    int fd = open(
        beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_good = fd != -1 && fill(fd, bytes, len, mode, gid);
    int reason = errno;
    if (fd != -1 && close(fd) == -1 && is_good) {
        is_good = false;
        reason = errno;
    }
    if (is_good && !put(beside, path, is_new)) {
        is_good = false;
        reason = errno;
    }
    if (is_good)
        sync_folder(path);
    else if (fd != -1)
        (void)unlink(beside);
    free(beside);
    return is_good || error_set(err, "%s: %s", path, strerror(reason));
}

bool atomic_file_write(const char *path, const void *bytes, size_t len,
    mode_t mode, struct error *err)
{
    return write_whole(path, bytes, len, mode, (gid_t)-1, false, err);
}

bool atomic_file_create(const char *path, const void *bytes, size_t len,
    mode_t mode, gid_t gid, struct error *err)
{
    return write_whole(path, bytes, len, mode, gid, true, err);
}

bool atomic_file_is(const char *path, const void *bytes, size_t len)
{
    struct stat status;
    bool is = false;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

    if (fd == -1)
        return false;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        (size_t)status.st_size == len) {
        char *own = xcalloc(1, len + 1);
        is = read(fd, own, len) == (ssize_t)len && memcmp(own, bytes, len) == 0;
        OPENSSL_cleanse(own, len);
        free(own);
    }
    close(fd);
    return is;
}

bool atomic_file_make_folder(
    const char *path, uid_t uid, gid_t gid, struct error *err)
{
    char folder[PATH_MAX];

    folder_of(path, folder);
    return root_path_make_folder(folder, 0750, uid, gid, true) ||
           error_set(err, "%s: %s", folder, strerror(errno));
}
