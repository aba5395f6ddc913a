/*
 * attr_round.h - one pass of the loop: requests are read, then decided, then
 * answered.
 *
 * For the connections of one face, sixteen at a time. Nobody waits for another
 * pass: what the loop has found ready is answered before it looks again.
 */
#ifndef TOLLGATE_POLICYD_ATTR_ROUND_H
#define TOLLGATE_POLICYD_ATTR_ROUND_H

struct attr_connection;
struct attr_round;
struct event_base;

/* The base is borrowed. */
struct attr_round *attr_round_new(struct event_base *);
/* Connections that use it have been freed. */
void attr_round_free(struct attr_round **);
struct event_base *attr_round_base(const struct attr_round *);

/* Its turn to be decided, or to be sent its answer, comes with this round. */
void attr_round_ask(struct attr_round *, struct attr_connection *);
void attr_round_answer(struct attr_round *, struct attr_connection *);
/* It goes away: no turn any more. */
void attr_round_forget(struct attr_round *, const struct attr_connection *);

/* What a turn is; in attr_connection.c. */
void attr_connection_decide(struct attr_connection *);
void attr_connection_deliver(struct attr_connection *);

#endif
