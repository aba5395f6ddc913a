/*
 * unix_socket.h - a listening unix socket at a path, with no moment in which
 * nobody listens there.
 *
 * Bound and listening under PATH.PID in the same directory, with its mode and
 * group, and then renamed over PATH. Never makes a directory, never removes
 * what is not a socket, never takes a path from a program that lives: not from
 * another daemon of ours either, unless it hands its lock to a successor.
 */
#ifndef TOLLGATE_NET_UNIX_SOCKET_H
#define TOLLGATE_NET_UNIX_SOCKET_H

#include "common/config/listen.h"
#include "common/net/listener.h"
#include "common/net/unix_place.h"

#include <sys/socket.h>
#include <sys/un.h>

/* place is an initialised one of this path; it and its lock are held
 * afterwards. A lock that it has already is a predecessor's, from whom the path
 * may be taken. */
enum listener_wait unix_socket_listen(const char *path,
    const struct listener_options *, int *fd_r, struct unix_place *place,
    struct error *err);

/*
 * The same in two steps, for a library that binds and listens by itself:
 * where it is to do so, once nothing stands against it, with the options'
 * mode as its umask; and then over the path, with owner and group. Where the
 * second step fails, the file beside is removed.
 */
enum listener_wait unix_socket_prepare(const char *path, uid_t owner,
    struct sockaddr_un *beside_r, struct unix_place *place, struct error *err);
bool unix_socket_install(const struct sockaddr_un *beside, const char *path,
    const struct listener_options *, struct unix_place *place_r,
    struct error *err);

/*
 * An inherited listening socket becomes this process's own (the next one to
 * ask who listens there is told our pid). If the place is not held yet it is
 * found, unless somebody else is at the path.
 */
bool unix_socket_inherit(
    int fd, const char *path, struct unix_place *, struct error *err);

/* Is this directory ours to make and to own, by its name? */
bool unix_socket_is_our_directory(const char *directory);

/* Is a socket bound to this name ours for PATH: PATH itself or PATH.PID? */
bool unix_socket_is_named(const struct sockaddr *, socklen_t, const char *path);

#endif
