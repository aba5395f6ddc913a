/*
 * descriptor.h - sends an open descriptor to another process.
 */
#ifndef TOLLGATE_NET_DESCRIPTOR_H
#define TOLLGATE_NET_DESCRIPTOR_H

#include <stdbool.h>

/* Over a connected unix socket, with one byte. False: errno says why, and
 * nothing was sent. The descriptor stays the caller's. */
bool descriptor_send(int fd, char byte, int descriptor);

#endif
