/*
 * attr_batch.h - one pass of the loop: requests are read, then decided, then
 * answered.
 *
 * For the connections of one face, sixteen at a time. Nobody waits for another
 * pass: what the loop has found ready is answered before it looks again.
 */
#ifndef TOLLGATE_POLICYD_ATTR_BATCH_H
#define TOLLGATE_POLICYD_ATTR_BATCH_H

struct attr_connection;
struct attr_batch;
struct event_base;

/* The base is borrowed. */
struct attr_batch *attr_batch_new(struct event_base *);
/* Connections that use it have been freed. */
void attr_batch_free(struct attr_batch **);
struct event_base *attr_batch_base(const struct attr_batch *);

/* Its turn to be decided, or to be sent its answer, comes with this batch. */
void attr_batch_ask(struct attr_batch *, struct attr_connection *);
void attr_batch_answer(struct attr_batch *, struct attr_connection *);
/* It goes away: no turn any more. */
void attr_batch_forget(struct attr_batch *, const struct attr_connection *);

/* What a turn is; in attr_connection.c. */
void attr_connection_decide(struct attr_connection *);
void attr_connection_deliver(struct attr_connection *);

#endif
