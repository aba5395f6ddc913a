/*
 * inet_socket.h - a listening TCP socket at a numeric address.
 *
 * An IPv6 address never takes IPv4 too, so that "::" and "0.0.0.0" are two
 * listeners that do not get in each other's way.
 */
#ifndef TOLLGATE_NET_INET_SOCKET_H
#define TOLLGATE_NET_INET_SOCKET_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The listening descriptor, non-blocking and close-on-exec; -1 with err. */
int inet_socket_listen(const char *host, uint16_t port, struct error *err);

/* Is a socket bound to this name the one for host and port? */
bool inet_socket_is_named(
    const struct sockaddr *, const char *host, uint16_t port);

/* Options for a connection: small answers go at once, dead peers are found. */
void inet_socket_tune(int fd);

#endif
