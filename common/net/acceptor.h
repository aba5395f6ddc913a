/*
 * acceptor.h - takes connections from a listening socket, fairly.
 *
 * At most `batch` a turn of the loop, so that a burst on one socket cannot
 * starve the sessions that are open. An error of accept(2) never ends it: one
 * that concerns a single connection is skipped, any other pauses it for 100 ms,
 * with a log line once a minute.
 */
#ifndef TOLLGATE_NET_ACCEPTOR_H
#define TOLLGATE_NET_ACCEPTOR_H

#include "common/base/cidr.h"

struct acceptor;
struct event_base;

struct acceptor_options {
    const char *name; /* for the log; borrowed */
    bool is_inet;
    int batch; /* connections in a turn; 0: 64 */
    /* inet: others are closed at once; NULL: all may come. Borrowed. */
    const struct cidr_list *allowed_peers;
    /* fd is non-blocking and close-on-exec, and the callee's. */
    void (*on_accept)(int fd, void *context);
    void *context;
};

/* fd stays the caller's. NULL: the event loop takes no more. */
struct acceptor *acceptor_new(
    struct event_base *, int fd, const struct acceptor_options *);
/* May be called from on_accept. */
void acceptor_free(struct acceptor **);

/* Of connections from now on; borrowed. NULL: all may come. */
void acceptor_allow_peers(struct acceptor *, const struct cidr_list *);

#endif
