/*
 * unix_lock.c - see unix_lock.h.
 *
 * The directory may be Postfix's own user's while we are root: nothing is read
 * from the file or written to it, no symbolic link is followed, and what is
 * not a plain file of one name is refused.
 */
#include "common/net/unix_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".lock"
#define FLAGS  (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static bool lock_name(char name_r[PATH_MAX], const char *path)
{
    int len = snprintf(name_r, PATH_MAX, "%s" SUFFIX, path);

    return len > 0 && len < PATH_MAX;
}

/* Root without CAP_DAC_OVERRIDE opens what is another's as that one, which
 * takes CAP_SETUID: it has that, to become the daemon's user. */
static int open_old(const char *name)
{
    struct stat st;
    int fd = open(name, FLAGS);

    if (fd != -1 || errno != EACCES || geteuid() != 0 || lstat(name, &st) != 0)
        return fd;
    (void)setfsuid(st.st_uid);
    fd = open(name, FLAGS);
    int saved = errno;
    (void)setfsuid(0);
    errno = saved;
    return fd;
}

static int open_new(const char *name, uid_t owner, struct error *err)
{
    int fd = open(name, FLAGS | O_CREAT | O_EXCL, 0600);

    if (fd == -1 && errno != EEXIST)
        error_set(err, "%s: cannot be made: %s", name, strerror(errno));
    if (fd == -1 || owner == (uid_t)-1 || fchown(fd, owner, (gid_t)-1) == 0)
        return fd;
    error_set(
        err, "%s: cannot give it to its owner: %s", name, strerror(errno));
    (void)unlink(name);
    close(fd);
    errno = EPERM;
    return -1;
}

/* EEXIST or ENOENT: another has made or removed it since; try again. */
static int open_any(
    const char *name, uid_t owner, bool *is_old_r, struct error *err)
{
    int fd = open_old(name);

    *is_old_r = fd != -1;
    if (fd == -1 && errno == ENOENT)
        return open_new(name, owner, err);
    if (fd == -1)
        error_set(err,
            "%s: cannot be opened: %s; if no daemon serves here, remove it",
            name, strerror(errno));
    return fd;
}

static bool is_plain_file(int fd, const char *name, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink <= 1)
        return true;
    return error_set(err, "%s: is not our lock file; remove it", name);
}

/* The one who held it before may have removed the file since it was opened. */
static bool is_still_named(int fd, const char *name)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && lstat(name, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

enum unix_lock_result unix_lock_take(
    struct unix_lock *lock, const char *path, uid_t owner, struct error *err)
{
    char name[PATH_MAX];

    if (!lock_name(name, path)) {
        error_set(err, "%s: too long", path);
        return UNIX_LOCK_FAILED;
    }
    for (;;) {
        int fd = open_any(name, owner, &lock->was_left, err);
        if (fd == -1 && errno == EEXIST)
            continue;
        if (fd == -1)
            return UNIX_LOCK_FAILED;
        bool is_locked = is_plain_file(fd, name, err);
        enum unix_lock_result otherwise = UNIX_LOCK_FAILED;
        if (is_locked && flock(fd, LOCK_EX | LOCK_NB) != 0) {
            is_locked = false;
            otherwise = errno == EWOULDBLOCK ? UNIX_LOCK_THEIRS : otherwise;
            error_set(err, "%s: flock: %s", name, strerror(errno));
        }
        if (is_locked && is_still_named(fd, name)) {
            lock->fd = fd;
            return UNIX_LOCK_OURS;
        }
        close(fd);
        if (!is_locked)
            return otherwise;
    }
}

bool unix_lock_fits(const char *path, int fd)
{
    char link[32], name[PATH_MAX], found[PATH_MAX];
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || !lock_name(name, path))
        return false;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, found, sizeof found - 1);
    if (len == -1)
        return false;
    found[len] = '\0';
    return strcmp(found, name) == 0;
}

void unix_lock_remove(struct unix_lock *lock, const char *path)
{
    char name[PATH_MAX];

    if (lock->fd != -1 && lock_name(name, path) &&
        is_still_named(lock->fd, name))
        (void)unlink(name);
    unix_lock_clear(lock);
}

void unix_lock_clear(struct unix_lock *lock)
{
    if (lock->fd != -1)
        close(lock->fd);
    *lock = (struct unix_lock){.fd = -1};
}
