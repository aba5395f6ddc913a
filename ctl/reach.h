/*
 * reach.h - may a user get at a file, by owner, group and mode?
 *
 * Told from stat(2) alone, so that anybody may ask for anybody. Access control
 * lists and capabilities are not looked at.
 */
#ifndef TOLLGATE_CTL_REACH_H
#define TOLLGATE_CTL_REACH_H

#include "common/base/error.h"

#include <sys/types.h>

#define REACH_GROUPS_MAX 256

struct reach_user {
    char name[64];
    uid_t uid;
    gid_t groups[REACH_GROUPS_MAX];
    int group_count;
};

/* "name", "name:group" or a number. */
bool reach_user_find(
    const char *text, struct reach_user *user_r, struct error *err);

enum reach {
    REACH_YES,
    REACH_ABSENT,  /* there is no such file */
    REACH_UNKNOWN, /* we may not look ourselves */
    REACH_REFUSED, /* err says what stands in the way, and its mode */
};

/* As execve(2) and connect(2) need it. from: folders above it are not asked
 * about, because the process is there already; "" for all. */
enum reach reach_execute(
    const struct reach_user *, const char *path, struct error *err);
enum reach reach_connect(const struct reach_user *, const char *path,
    const char *from, struct error *err);

#endif
