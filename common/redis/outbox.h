/*
 * outbox.h - what one pass of the loop has to say to a server.
 */
#ifndef TOLLGATE_REDIS_OUTBOX_H
#define TOLLGATE_REDIS_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;
struct redis_outbox;

/* Aimed nowhere. */
struct redis_outbox *redis_outbox_new(struct event_base *);
/* What was not sent is lost. */
void redis_outbox_free(struct redis_outbox **);

/* Where to; NULL: what has not been sent is forgotten. Borrowed. */
void redis_outbox_aim(struct redis_outbox *, struct bufferevent *);
/* Sent when the loop has been through all that is ready now. */
bool redis_outbox_add(struct redis_outbox *, int argc, const char *const *argv,
    const size_t *argv_len);
/* At once; what the socket does not take is in the bufferevent then. */
void redis_outbox_flush(struct redis_outbox *);

#endif
