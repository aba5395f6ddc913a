/*
 * socket.h - the milter's listening socket, which libmilter opens itself.
 *
 * A unix socket is bound beside its path and renamed over it, as all of ours
 * are (net/unix_socket.h). A successor does the same, once nothing else can
 * fail, so there is no moment without a socket and no session is lost; over
 * inet there is no such way.
 */
#ifndef TOLLGATE_MILTER_SOCKET_H
#define TOLLGATE_MILTER_SOCKET_H

#include "common/net/listener.h"

struct inherit;
struct milter_socket;

/* Whose the socket is to be. */
struct milter_socket_owner {
    uid_t owner; /* (uid_t)-1: as we are */
    gid_t group; /* Postfix's, who is to come */
};

/*
 * smfi_register must have been called. LISTENER_NO_DIRECTORY: again when it
 * is there.
 */
enum listener_wait milter_socket_open(const struct config *,
    const struct milter_socket_owner *, struct inherit *,
    struct milter_socket **socket_r, struct error *err);

/* It is to be found from here on. Where only root can rename it, it has been
 * since it was opened. */
bool milter_socket_publish(struct milter_socket *, struct error *err);

/* A connection to ourselves, published or not; -1 with err. */
int milter_socket_connect(const struct milter_socket *, struct error *err);

/* Is it still at its path? Looked at once a second. */
bool milter_socket_is_held(const struct milter_socket *);
/* Of the lock beside its path, for a successor; -1: none. */
int milter_socket_lock_fd(const struct milter_socket *);
bool milter_socket_is_inet(const struct milter_socket *);
const char *milter_socket_text(const struct milter_socket *);
/* Nobody finds it any more; those that have come are served. */
void milter_socket_withdraw(struct milter_socket *);
void milter_socket_free(struct milter_socket **);

#endif
