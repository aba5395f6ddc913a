/*
 * control_rights.c - see control_rights.h.
 *
 * SO_PEERGROUPS rather than getgrouplist(3): the groups that the process has,
 * not those that its user would get, and no look-up while a peer waits.
 */
#include "common/control/control_rights.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/engine/privileges.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void add_user(struct control_rights *rights, const char *name)
{
    uid_t uid;
    gid_t ignored;
    struct error err;

    if (!privileges_find_user(name, &uid, &ignored, &err)) {
        log_warn("control_admins: %s", err.text);
        return;
    }
    rights->users = xrealloc(
        rights->users, (rights->user_count + 1) * sizeof *rights->users);
    rights->users[rights->user_count++] = uid;
}

static void add_group(struct control_rights *rights, const char *name)
{
    gid_t gid;
    struct error err;

    if (!privileges_find_group(name, &gid, &err)) {
        log_warn("control_admins: %s", err.text);
        return;
    }
    rights->groups = xrealloc(
        rights->groups, (rights->group_count + 1) * sizeof *rights->groups);
    rights->groups[rights->group_count++] = gid;
}

void control_rights_follow(struct control_rights *rights, char *const *admins)
{
    control_rights_clear(rights);
    for (; *admins != NULL; admins++) {
        if ((*admins)[0] == '@')
            add_group(rights, *admins + 1);
        else
            add_user(rights, *admins);
    }
}

void control_rights_clear(struct control_rights *rights)
{
    free(rights->users);
    free(rights->groups);
    *rights = (struct control_rights){0};
}

bool control_peer_ask(int fd, struct control_peer *peer)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
        return false;
    peer->uid = cred.uid;
    peer->pid = cred.pid;
    peer->groups[0] = cred.gid;
    peer->group_count = 1;
    len = sizeof peer->groups - sizeof peer->groups[0];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups + 1, &len) == 0)
        peer->group_count += len / sizeof peer->groups[0];
    return true;
}

static bool has_group(const struct control_peer *peer, gid_t gid)
{
    for (size_t i = 0; i < peer->group_count; i++)
        if (peer->groups[i] == gid)
            return true;
    return false;
}

bool control_rights_may_change(
    const struct control_rights *rights, const struct control_peer *peer)
{
    if (peer->uid == 0 || peer->uid == geteuid())
        return true;
    for (size_t i = 0; i < rights->user_count; i++)
        if (rights->users[i] == peer->uid)
            return true;
    for (size_t i = 0; i < rights->group_count; i++)
        if (has_group(peer, rights->groups[i]))
            return true;
    return false;
}
