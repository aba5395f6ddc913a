/*
 * client.h - a connection to one daemon's control socket.
 *
 * Blocking, with a deadline for each step; what comes back is bounded.
 */
#ifndef TOLLGATE_CTL_CLIENT_H
#define TOLLGATE_CTL_CLIENT_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CLIENT_WAIT_MS 60000 /* for an answer */

struct client;

/* NULL: nobody answers there. *is_missing_r: because there is no socket. */
struct client *client_open(
    const char *path, bool *is_missing_r, struct error *err);
void client_close(struct client **);

/* Adds the newline. */
bool client_send(struct client *, const char *line, struct error *err);
/* The next line, without its newline; the caller frees it. NULL: none came in
 * that time, or the connection has ended. wait_ms -1: for ever. */
char *client_receive(struct client *, int wait_ms, struct error *err);
/* A line is there already: client_receive will not wait. */
bool client_has_line(const struct client *);

/* For poll(2); -1: not connected. */
int client_fd(const struct client *);

#endif
