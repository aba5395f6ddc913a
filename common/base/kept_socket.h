/*
 * kept_socket.h - a helper's socket that a successor inherits: it stays open
 * over exec under a number that a variable of the environment tells.
 */
#ifndef TOLLGATE_BASE_KEPT_SOCKET_H
#define TOLLGATE_BASE_KEPT_SOCKET_H

#include "common/base/error.h"

/* Not in the way of LISTEN_FDS. */
#define KEPT_SOCKET_MIN 200

/*
 * A new pair of SOCK_SEQPACKET: *ours_r is kept, non-blocking, and named by the
 * variable; *helpers_r is close-on-exec, for the process that is forked then.
 * The only program that a daemon executes is its successor.
 */
bool kept_socket_pair(
    const char *variable, int *ours_r, int *helpers_r, struct error *err);
/* The one that the variable names; -1: there is none. */
int kept_socket_find(const char *variable);

/* In a helper: its socket becomes descriptor 3 and every other is closed;
 * signals of a terminal or to the daemon's group are ignored, since it ends
 * with the other end of its socket. name: of the process, at most 15 bytes.
 * -1: it failed. */
int kept_socket_settle(int fd, const char *name);

#endif
