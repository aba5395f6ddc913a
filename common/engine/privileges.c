/*
 * privileges.c - see privileges.h.
 *
 * One order: groups, gid, uid, capabilities, no_new_privs. Each step that fails
 * ends the start: half dropped is not dropped.
 */
#include "common/engine/privileges.h"

#include "common/base/decimal.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool parse_id(const char *text, unsigned *id_r)
{
    uint64_t id;

    /* The largest means "leave it" to the kernel. */
    if (!decimal_read(&text, UINT32_MAX - 1, &id) || *text != '\0')
        return false;
    *id_r = (unsigned)id;
    return true;
}

bool privileges_find_user(
    const char *text, uid_t *uid_r, gid_t *gid_r, struct error *err)
{
    unsigned id;
    bool is_number = parse_id(text, &id);
    const struct passwd *entry = is_number ? getpwuid(id) : getpwnam(text);

    if (entry == NULL && !is_number)
        return error_set(err, "user %s: no such user on this system", text);
    *uid_r = entry != NULL ? entry->pw_uid : id;
    *gid_r = entry != NULL ? entry->pw_gid : (gid_t)id;
    return true;
}

bool privileges_find_group(const char *text, gid_t *gid_r, struct error *err)
{
    unsigned id;

    if (parse_id(text, &id)) {
        *gid_r = id;
        return true;
    }
    const struct group *entry = getgrnam(text);
    if (entry == NULL)
        return error_set(err, "group %s: no such group on this system", text);
    *gid_r = entry->gr_gid;
    return true;
}

static bool has_groups(const struct privileges_kept *kept)
{
    gid_t groups[PRIVILEGES_GROUPS];
    int count = getgroups(PRIVILEGES_GROUPS, groups);

    return count >= 0 && (size_t)count == kept->group_count &&
           (count == 0 || memcmp(groups, kept->groups,
                              (size_t)count * sizeof *groups) == 0);
}

/* user = "root", and we were that already without the right to change: a
 * successor has no capabilities but those that were kept. */
static bool is_already(uid_t uid, gid_t gid, const struct privileges_kept *kept)
{
    uid_t uids[3];
    gid_t gids[3];

    return getresuid(&uids[0], &uids[1], &uids[2]) == 0 &&
           getresgid(&gids[0], &gids[1], &gids[2]) == 0 && uids[0] == uid &&
           uids[1] == uid && uids[2] == uid && gids[0] == gid &&
           gids[1] == gid && gids[2] == gid && has_groups(kept);
}

/* Permitted capabilities stay over the change; which of them, the next step
 * says. */
static bool become(
    uid_t uid, gid_t gid, const struct privileges_kept *kept, struct error *err)
{
    if (is_already(uid, gid, kept))
        return true;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
        setgroups(kept->group_count, kept->groups) == -1 ||
        setresgid(gid, gid, gid) == -1 || setresuid(uid, uid, uid) == -1)
        return error_set(
            err, "cannot become uid %u, gid %u: %s", uid, gid, strerror(errno));
    return true;
}

bool privileges_has_ptrace(void)
{
    return capng_get_caps_process() == 0 &&
           capng_have_capability(CAPNG_PERMITTED, CAP_SYS_PTRACE);
}

bool privileges_has_override(void)
{
    return capng_get_caps_process() == 0 &&
           capng_have_capability(CAPNG_EFFECTIVE, CAP_DAC_OVERRIDE);
}

static bool keep_only(const struct privileges_kept *kept, struct error *err)
{
    const capng_type_t everywhere =
        CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_AMBIENT;

    bool has_ptrace = kept->ptrace && privileges_has_ptrace();
    bool has_read = kept->read && capng_get_caps_process() == 0 &&
                    capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
    capng_clear(CAPNG_SELECT_ALL);
    if ((has_ptrace &&
            capng_update(CAPNG_ADD, everywhere, CAP_SYS_PTRACE) != 0) ||
        (has_read &&
            capng_update(CAPNG_ADD, everywhere, CAP_DAC_READ_SEARCH) != 0))
        return error_set(err, "cannot select capabilities");
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
        return error_set(err, "cannot drop capabilities");
    if (capng_apply(CAPNG_SELECT_AMBIENT) != 0)
        return error_set(err, "cannot set the ambient capabilities");
    return true;
}

bool privileges_drop(const char *user, const char *group,
    const struct privileges_kept *kept, struct error *err)
{
    uid_t uid;
    gid_t gid;

    if (geteuid() == 0 && (!privileges_find_user(user, &uid, &gid, err) ||
                              !privileges_find_group(group, &gid, err) ||
                              !become(uid, gid, kept, err)))
        return false;
    if (!keep_only(kept, err))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return error_set(err, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
    return true;
}
