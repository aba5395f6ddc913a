/*
 * unix_lock.h - one daemon at a socket path: the file PATH.lock beside it.
 *
 * A daemon holds an flock(2) on that file as long as it has the listener; the
 * kernel lets go of the lock at whatever end. So a free lock says that the
 * daemon which made the socket is dead, without a connection to the socket,
 * which root without CAP_DAC_OVERRIDE may not make. The lock is the inode's:
 * it holds in every PID and network namespace that shares the directory, where
 * /proc/net/unix and sock_diag(7) tell of one network namespace only and a pid
 * in a file of one PID namespace. It also makes one of two starts at the same
 * moment fail. A successor inherits the descriptor, and thereby the lock.
 *
 * A clean end removes the file. A file that stays says nothing by itself.
 */
#ifndef TOLLGATE_NET_UNIX_LOCK_H
#define TOLLGATE_NET_UNIX_LOCK_H

#include "common/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

enum unix_lock_result {
    UNIX_LOCK_OURS,
    UNIX_LOCK_THEIRS, /* another daemon has it, or another listener of ours */
    UNIX_LOCK_FAILED, /* err says why */
};

struct unix_lock {
    int fd;        /* owned; -1: we have no lock */
    bool was_left; /* a daemon has ended here without removing its file */
};

/* path: of the socket. owner: the uid that gets a new file; (uid_t)-1: ours.
 * Never waits. */
enum unix_lock_result unix_lock_take(
    struct unix_lock *, const char *path, uid_t owner, struct error *err);
/* Is this inherited descriptor the lock file of the path, which has no
 * symbolic links? Needs no right to look into the directory. */
bool unix_lock_fits(const char *path, int fd);
/* Removes the file first, where we may. Accepts one without a lock. */
void unix_lock_remove(struct unix_lock *, const char *path);
/* Leaves the file, and the lock to those who share the descriptor. */
void unix_lock_clear(struct unix_lock *);

#endif
