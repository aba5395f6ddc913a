/*
 * root_path.c - see root_path.h.
 *
 * Not openat2(RESOLVE_NO_SYMLINKS): an administrator's own links (/var/log on
 * another disk) must lead on. A link is read and its text walked in its place,
 * so that what it names is looked at step by step too.
 */
#include "common/base/root_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's */

struct walk {
    int fd; /* the folder that we are in; O_PATH */
    char path[PATH_MAX];
    const char *rest; /* of the path, still to be walked */
    char name[NAME_MAX + 1];
    unsigned links;
};

/* What to do at the last step and where one is missing. */
struct goal {
    int flags;
    mode_t mode;
    bool is_folder; /* to be made */
    bool parents;
    uid_t uid;
    gid_t gid;
};

static bool refuse(int reason)
{
    errno = reason;
    return false;
}

static bool walk_begin(struct walk *walk, bool is_absolute)
{
    int fd = open(is_absolute ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (walk->fd != -1)
        close(walk->fd);
    walk->fd = fd;
    return fd != -1;
}

/* Takes the next name; "": there is none. */
static bool walk_next(struct walk *walk)
{
    const char *name = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(name, "/");

    if (len > NAME_MAX)
        return refuse(ENAMETOOLONG);
    memcpy(walk->name, name, len);
    walk->name[len] = '\0';
    walk->rest = name + len + strspn(name + len, "/");
    return true;
}

static bool may_follow(int fd)
{
    struct stat st;

    return geteuid() != 0 ||
           (fstat(fd, &st) == 0 && st.st_uid == 0 &&
               (st.st_mode & S_IWOTH) == 0 &&
               ((st.st_mode & S_IWGRP) == 0 || st.st_gid == 0));
}

/* Its links are no texts: /dev/stdout leads there. */
static bool is_proc(int fd)
{
    struct statfs of;

    return fstatfs(fd, &of) == 0 && of.f_type == PROC_SUPER_MAGIC;
}

static bool is_link(const struct walk *walk)
{
    struct stat st;

    return fstatat(walk->fd, walk->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(st.st_mode);
}

/* The text of the link goes before the rest. */
static bool walk_link(struct walk *walk)
{
    char text[PATH_MAX], path[PATH_MAX];

    if (!may_follow(walk->fd) || ++walk->links > LINKS_MAX)
        return refuse(ELOOP);
    ssize_t len = readlinkat(walk->fd, walk->name, text, sizeof text - 1);
    if (len == -1)
        return false;
    text[len] = '\0';
    int made = snprintf(path, sizeof path, "%s/%s", text, walk->rest);
    if (made < 0 || (size_t)made >= sizeof path)
        return refuse(ENAMETOOLONG);
    memcpy(walk->path, path, (size_t)made + 1);
    walk->rest = walk->path;
    return text[0] != '/' || walk_begin(walk, true);
}

/* A new folder, which only its parent's owner can have replaced: by one that
 * is not root's. */
static bool make_here(const struct walk *walk, const struct goal *goal)
{
    struct stat st;

    if (mkdirat(walk->fd, walk->name, goal->mode) == -1)
        return false;
    int fd = openat(
        walk->fd, walk->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool is_good = fd != -1;
    if (is_good && geteuid() == 0)
        is_good = fstat(fd, &st) == 0 && (st.st_uid == 0 || refuse(EPERM)) &&
                  fchown(fd, goal->uid, goal->gid) == 0;
    int reason = errno;
    if (fd != -1)
        close(fd);
    return is_good || refuse(reason);
}

static bool is_last(const struct walk *walk)
{
    return walk->rest[0] == '\0';
}

static int open_here(const struct walk *walk, int flags, mode_t mode)
{
    bool follows = is_proc(walk->fd) && may_follow(walk->fd);

    return openat(walk->fd, walk->name,
        flags | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW), mode);
}

/* One name further; in walk->fd, or if it was the last of a file, its own. */
static bool walk_step(struct walk *walk, const struct goal *goal)
{
    bool is_file = is_last(walk) && !goal->is_folder;

    if (goal->is_folder && (is_last(walk) || goal->parents) &&
        !make_here(walk, goal) &&
        (errno != EEXIST || (is_last(walk) && !goal->parents)))
        return false;
    int fd = is_file ? open_here(walk, goal->flags, goal->mode)
                     : open_here(walk, O_PATH | O_DIRECTORY, 0);
    if (fd == -1 && (errno == ELOOP || errno == ENOTDIR) && is_link(walk))
        return walk_link(walk);
    if (fd == -1)
        return false;
    close(walk->fd);
    walk->fd = fd;
    return true;
}

/* Where it ends: the caller's; -1. */
static int walk_path(const char *path, const struct goal *goal)
{
    struct walk walk = {.fd = -1};
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof walk.path) {
        errno = len == 0 ? ENOENT : ENAMETOOLONG;
        return -1;
    }
    memcpy(walk.path, path, len + 1);
    walk.rest = walk.path;
    bool is_good = walk_begin(&walk, path[0] == '/');
    while (is_good && walk.rest[strspn(walk.rest, "/")] != '\0')
        is_good = walk_next(&walk) && walk_step(&walk, goal);
    if (is_good)
        return walk.fd;
    int reason = errno;
    if (walk.fd != -1)
        close(walk.fd);
    errno = reason;
    return -1;
}

int root_path_open(const char *path, int flags, mode_t mode)
{
    const struct goal goal = {.flags = flags, .mode = mode};

    return walk_path(path, &goal);
}

bool root_path_make_folder(
    const char *path, mode_t mode, uid_t uid, gid_t gid, bool parents)
{
    const struct goal goal = {.mode = mode,
        .is_folder = true,
        .parents = parents,
        .uid = uid,
        .gid = gid};
    int fd = walk_path(path, &goal);

    if (fd != -1)
        close(fd);
    return fd != -1;
}
