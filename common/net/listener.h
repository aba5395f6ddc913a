/*
 * listener.h - the sockets that Postfix comes to.
 *
 * Opens unix and inet listeners, or adopts them from a predecessor
 * (inherit.h), and accepts as acceptor.h says. A unix socket is bound under a
 * name of its own and renamed over the public one, so there is no moment
 * without a socket. A dead socket is replaced, whatever its owner and mode; one
 * at which a program lives is not: the error names its pid and the remedy.
 * Somebody who displaces our socket later is noticed within 2 s.
 */
#ifndef TOLLGATE_NET_LISTENER_H
#define TOLLGATE_NET_LISTENER_H

#include "common/base/cidr.h"
#include "common/base/error.h"
#include "common/config/config.h"

#include <sys/types.h>

struct event_base;
struct listener;

#define LISTENER_BACKLOG 4096 /* the kernel cuts it at net.core.somaxconn */

struct listener_options {
    unsigned mode; /* of a unix socket */
    gid_t group;   /* (gid_t)-1: leave it */
    uid_t owner;   /* (uid_t)-1: leave it */
    /* inet: others are closed at once. NULL: all may come. Borrowed until the
     * listener is closed or listener_allow_peers names another. */
    const struct cidr_list *allowed_peers;
};

struct listener_events {
    /* fd is non-blocking and close-on-exec, and now the callee's, who may
     * stop or close the listener too. */
    void (*on_accept)(int fd, void *context);
    /* Our socket is no longer at its path, or is there again. May be NULL. */
    void (*on_displaced)(bool is_displaced, void *context);
    void *context;
};

/* How opening a listener went. */
enum listener_wait {
    LISTENER_READY,
    LISTENER_NO_DIRECTORY, /* its directory does not exist (yet); err too */
    LISTENER_FAILED,       /* err says why */
};

/*
 * Opens without accepting yet; the configuration is copied. On
 * LISTENER_NO_DIRECTORY the caller tries again later: a directory that is
 * Postfix's is never made by us.
 */
enum listener_wait listener_open(const struct config_listener *,
    const struct listener_options *, struct listener **listener_r,
    struct error *err);
/* Is this descriptor a listening socket bound to what the listener names? */
bool listener_fits(const struct config_listener *, int fd);
/* Is it the descriptor of a socket file that is at the listener's path? */
bool listener_fits_place(const struct config_listener *, int fd);
/*
 * An inherited descriptor of that listener; false if it is not one (it stays
 * the caller's then). place_fd: what the predecessor's listener_place_fd was,
 * the listener's from now on; -1: not handed over, so the socket is lent to
 * us, by systemd, and the file at its path is never removed.
 */
bool listener_adopt(const struct config_listener *, int fd, int place_fd,
    const struct listener_options *, struct listener **listener_r,
    struct error *err);

/* Of an adopted unix listener: the lock beside it, from the predecessor, or
 * with -1 taken now if it is free. */
void listener_take_lock(struct listener *, int lock_fd);
/* Is our socket still at its path? Always, for inet. */
bool listener_is_held(const struct listener *);

/* From now on connections are accepted. False: err. */
bool listener_start(struct listener *, struct event_base *,
    const struct listener_events *, struct error *err);
/* No more accepts; connections that are open stay. */
void listener_stop(struct listener *);
/* Closes; unlinks a unix socket only if it is still ours and unlink is true
 * (false when a successor has it). */
void listener_close(struct listener **, bool unlink_socket);

/* At a reload: the list of the old snapshot is about to go. */
void listener_allow_peers(struct listener *, const struct cidr_list *);

/* The listening descriptor, which stays the listener's. */
int listener_fd(const struct listener *);
/* A second descriptor for a successor, which may have no right to look into
 * the socket's directory; -1: none, or the socket is lent. */
int listener_place_fd(const struct listener *);
int listener_lock_fd(const struct listener *); /* the same of the lock */
const struct config_listener *listener_config(const struct listener *);

#endif
