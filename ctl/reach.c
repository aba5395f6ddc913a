/*
 * reach.c - may a user get at a file, by owner, group and mode?
 *
 * Follows the path folder by folder, as the kernel does; root may do all.
 */
#include "ctl/reach.h"

#include "common/base/alloc.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool reach_user_find(
    const char *text, struct reach_user *user_r, struct error *err)
{
    size_t len = strcspn(text, ":");
    char *end;

    *user_r = (struct reach_user){.group_count = REACH_GROUPS_MAX};
    int written =
        snprintf(user_r->name, sizeof user_r->name, "%.*s", (int)len, text);
    if (written < 0 || (size_t)written >= sizeof user_r->name)
        return error_set(err, "%s: too long for a user", text);
    const struct passwd *found = getpwnam(user_r->name);
    unsigned long number = strtoul(user_r->name, &end, 10);
    if (found == NULL && *end == '\0' && len > 0)
        found = getpwuid((uid_t)number);
    if (found == NULL)
        return error_set(err, "there is no user %s", user_r->name);
    user_r->uid = found->pw_uid;
    if (getgrouplist(found->pw_name, found->pw_gid, user_r->groups,
            &user_r->group_count) == -1)
        return error_set(err, "%s is in too many groups", user_r->name);
    const struct group *group =
        text[len] == ':' ? getgrnam(text + len + 1) : NULL;
    if (group != NULL) {
        user_r->groups[0] = group->gr_gid;
        user_r->group_count = 1;
    }
    return true;
}

/* bits: 4 read, 2 write, 1 execute or enter. */
static bool is_allowed(
    const struct reach_user *user, const struct stat *file, mode_t bits)
{
    if (user->uid == 0)
        return true;
    if (file->st_uid == user->uid)
        return ((file->st_mode >> 6) & bits) == bits;
    for (int i = 0; i < user->group_count; i++)
        if (file->st_gid == user->groups[i])
            return ((file->st_mode >> 3) & bits) == bits;
    return (file->st_mode & bits) == bits;
}

static const char *owner_name(uid_t uid)
{
    const struct passwd *owner = getpwuid(uid);

    return owner == NULL ? "?" : owner->pw_name;
}

static const char *group_name(gid_t gid)
{
    const struct group *group = getgrgid(gid);

    return group == NULL ? "?" : group->gr_name;
}

static enum reach try_one(const struct reach_user *user, const char *path,
    mode_t bits, struct error *err)
{
    struct stat file;

    if (stat(path, &file) == -1) {
        int number = errno;
        error_set(err, "%s: %s", path, strerror(number));
        return number == ENOENT || number == ENOTDIR ? REACH_ABSENT
                                                     : REACH_UNKNOWN;
    }
    if (is_allowed(user, &file, bits))
        return REACH_YES;
    error_set(err, "%s: %s may not %s: it is %s:%s %04o", path, user->name,
        S_ISDIR(file.st_mode) ? "enter"
        : bits == 2           ? "connect"
                              : "start it",
        owner_name(file.st_uid), group_name(file.st_gid),
        (unsigned)(file.st_mode & 07777));
    return REACH_REFUSED;
}

static enum reach walk(const struct reach_user *user, const char *path,
    const char *from, mode_t bits, struct error *err)
{
    enum reach reach = REACH_YES;
    char *folder = xstrdup(path);

    for (char *slash = folder;
         reach == REACH_YES && (slash = strchr(slash, '/')) != NULL; slash++) {
        size_t len = (size_t)(slash - folder);
        if (len < strlen(from))
            continue;
        *slash = '\0';
        reach = try_one(user, len == 0 ? "/" : folder, 1, err);
        *slash = '/';
    }
    free(folder);
    return reach == REACH_YES ? try_one(user, path, bits, err) : reach;
}

enum reach reach_execute(
    const struct reach_user *user, const char *path, struct error *err)
{
    return walk(user, path, "", 1, err);
}

enum reach reach_connect(const struct reach_user *user, const char *path,
    const char *from, struct error *err)
{
    return walk(user, path, from, 2, err);
}
