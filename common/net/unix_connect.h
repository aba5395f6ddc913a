/*
 * unix_connect.h - connect(2) to a unix socket, as root without
 * CAP_DAC_OVERRIDE too.
 */
#ifndef TOLLGATE_NET_UNIX_CONNECT_H
#define TOLLGATE_NET_UNIX_CONNECT_H

#include <stdbool.h>
#include <sys/un.h>

/* fd: an unconnected socket. False: errno says why. Root that is refused tries
 * again with the rights of the file's owner, which takes CAP_SETUID; the peer
 * sees root all the same. */
bool unix_connect(int fd, const struct sockaddr_un *at);

#endif
