/*
 * listener.h - the sockets that Postfix comes to.
 *
 * Binds unix and inet listeners, or takes them over from a predecessor
 * (LISTEN_FDS), accepts in a bounded batch per turn of the loop, and pauses
 * for 100 ms when descriptors run out instead of spinning. A unix socket is
 * bound under a name of its own and renamed over the public one, so there is
 * no moment without a socket. A dead socket is replaced; one at which another
 * program answers is not: the error names its pid and the remedy. Somebody
 * who displaces our socket later is noticed within 2 s.
 */
#ifndef TOLLGATE_NET_LISTENER_H
#define TOLLGATE_NET_LISTENER_H

#include "common/base/cidr.h"
#include "common/base/error.h"
#include "common/config/config.h"

#include <sys/types.h>

struct event_base;
struct listener;

struct listener_options {
    unsigned mode;  /* of a unix socket */
    gid_t group;    /* (gid_t)-1: leave it */
    uid_t owner;    /* (uid_t)-1: leave it */
    const struct cidr_list *allowed_peers; /* inet: others are closed at once */
};

struct listener_events {
    /* fd is non-blocking and close-on-exec, and now the callee's. */
    void (*on_accept)(int fd, void *context);
    /* Our socket is no longer at its path, or is there again. May be NULL. */
    void (*on_displaced)(bool is_displaced, void *context);
    void *context;
};

enum listener_wait {
    LISTENER_READY,
    LISTENER_NO_DIRECTORY, /* its directory does not exist (yet) */
    LISTENER_FAILED,       /* err says why */
};

/*
 * Opens without accepting yet. On LISTENER_NO_DIRECTORY the caller tries
 * again later: a directory that is Postfix's is never made by us.
 */
enum listener_wait listener_open(const struct config_listener *,
    const struct listener_options *, struct listener **listener_r,
    struct error *err);
/* An inherited descriptor of that listener; false if it is not one. */
bool listener_adopt(const struct config_listener *, int fd,
    const struct listener_options *, struct listener **listener_r,
    struct error *err);

bool listener_start(struct listener *, struct event_base *,
    const struct listener_events *, struct error *err);
/* No more accepts; connections that are open stay. */
void listener_stop(struct listener *);
/* Closes; unlinks a unix socket only if it is still ours and unlink is true
 * (false when a successor has it). */
void listener_close(struct listener **, bool unlink_socket);

int listener_fd(const struct listener *);
bool listener_is_displaced(const struct listener *);
const struct config_listener *listener_config(const struct listener *);

#endif
