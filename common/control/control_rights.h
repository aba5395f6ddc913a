/*
 * control_rights.h - who may change things.
 *
 * The kernel tells who connected (SO_PEERCRED, SO_PEERGROUPS); the names in
 * control_admins are looked up at start and at a reload, never while a command
 * waits. A name that nobody has gives nobody a right, and a warning.
 */
#ifndef TOLLGATE_CONTROL_CONTROL_RIGHTS_H
#define TOLLGATE_CONTROL_CONTROL_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONTROL_GROUPS_MAX 256 /* of a peer; those past it give no right */

struct control_peer {
    uid_t uid;
    pid_t pid;
    size_t group_count;
    gid_t groups[CONTROL_GROUPS_MAX]; /* the primary one is the first */
};

/* All zero at first: root and the daemon's own user only. */
struct control_rights {
    uid_t *users;
    size_t user_count;
    gid_t *groups;
    size_t group_count;
};

/* admins: users or "@groups", names or numbers; NULL-terminated. */
void control_rights_follow(struct control_rights *, char *const *admins);
void control_rights_clear(struct control_rights *);

/* False: the kernel does not tell; nothing may be changed then. */
bool control_peer_ask(int fd, struct control_peer *peer_r);

/* Root, the daemon's own user, and control_admins may. */
bool control_rights_may_change(
    const struct control_rights *, const struct control_peer *);

#endif
