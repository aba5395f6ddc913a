/*
 * inherit.h - listening sockets that whoever started us left open
 * (LISTEN_FDS): systemd, or the predecessor of a restart.
 *
 * A descriptor belongs to the listener whose address it is bound to; the
 * order and the names they come with mean nothing. What belongs to none is
 * closed, with a log line: a socket that nobody accepts from would make
 * Postfix wait.
 *
 * Source: sd_listen_fds(3).
 */
#ifndef TOLLGATE_NET_INHERIT_H
#define TOLLGATE_NET_INHERIT_H

#include "common/config/config.h"

#include <stddef.h>

#define INHERIT_FD_FIRST 3
#define INHERIT_MAX      128

struct inherit {
    int fds[INHERIT_MAX]; /* -1: claimed or closed */
    size_t count;
};

/*
 * Reads LISTEN_PID and LISTEN_FDS and removes them (and LISTEN_FDNAMES) from
 * the environment, so that no child takes them for its own. Sets
 * close-on-exec. Variables that are meant for another process, or make no
 * sense, count as none.
 */
void inherit_take(struct inherit *);

/*
 * The descriptor of that listener, now the caller's; -1: none. A predecessor
 * sends that of the socket file along (listener_place_fd); else *place_fd_r
 * is -1.
 */
int inherit_claim(
    struct inherit *, const struct config_listener *, int *place_fd_r);

/* The lock of a socket's path, now the caller's; -1: none. */
int inherit_claim_lock(struct inherit *, const char *path);

/* Closes what nobody has claimed. */
void inherit_close_rest(struct inherit *);

#endif
