/*
 * control_server.h - connections of the control socket.
 *
 * JSON lines in, JSON lines out, one command at a time per connection; what
 * comes behind it waits, and connections take turns in a slot of the loop's
 * time (slot.h): one for those who may only read, one for those who may change
 * things. Bounded in all: connections (64, of them 48 of readers; of the user
 * who holds most, who is idle longest makes room), the length of a line, what
 * a slow reader may leave unread, and the time in which a request must be
 * complete. No peer's error ends more than its own connection.
 */
#ifndef TOLLGATE_CONTROL_CONTROL_SERVER_H
#define TOLLGATE_CONTROL_CONTROL_SERVER_H

#include "common/control/control_command.h"

struct control_server;

/* The host is copied. */
struct control_server *control_server_new(const struct control_host *);
/* Ends every call that is under way. */
void control_server_free(struct control_server **);

/* A connection of the control listener; fd is ours now. */
void control_server_add(struct control_server *, int fd);

/* The configuration has been replaced: control_admins. */
void control_server_reload(struct control_server *);

#endif
