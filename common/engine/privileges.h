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
 * From root: to user and group, no others but those kept. Not root: stays who
 * we are. Either way keeps no capability but those, where it has them, and
 * never gets a new privilege. What is kept is ambient too: a successor that we
 * execute has it without being root.
 */
#define PRIVILEGES_GROUPS 16
struct privileges_kept {
    bool ptrace;         /* CAP_SYS_PTRACE: to prove peers */
    bool read;           /* CAP_DAC_READ_SEARCH: to read private keys */
    const gid_t *groups; /* from root: these stay; borrowed */
    size_t group_count;
};
/* False: err, and the process must end: rights may be half given up. */
bool privileges_drop(const char *user, const char *group,
    const struct privileges_kept *, struct error *err);

/* Does this process hold CAP_SYS_PTRACE? */
bool privileges_has_ptrace(void);
/* CAP_DAC_OVERRIDE, which root may lack in a container: does it write into
 * other users' directories? */
bool privileges_has_override(void);

#endif
