/*
 * privileges.h - who we are once everything that needs root is open.
 */
#ifndef TOLLGATE_ENGINE_PRIVILEGES_H
#define TOLLGATE_ENGINE_PRIVILEGES_H

#include "common/base/error.h"

#include <sys/types.h>

/* A name or a number. */
bool privileges_find_user(
    const char *text, uid_t *uid_r, gid_t *gid_r, struct error *err);
bool privileges_find_group(const char *text, gid_t *gid_r, struct error *err);

/*
 * From root: to user and group, no other groups, no capability, never any new
 * privilege. Not root: stays who we are, and only gives up new privileges.
 */
bool privileges_drop(const char *user, const char *group, struct error *err);

#endif
