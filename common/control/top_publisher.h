/*
 * top_publisher.h - shows this daemon's heaviest keys to the other daemons of
 * the store, every few seconds, and keeps records of what came to its limits.
 */
#ifndef TOLLGATE_CONTROL_TOP_PUBLISHER_H
#define TOLLGATE_CONTROL_TOP_PUBLISHER_H

struct daemon;
struct top_publisher;

/* Shows this daemon's lists to the others every five seconds. */
struct top_publisher *top_publisher_new(struct daemon *);
/* What was shown last is forgotten by the store after 20 s. */
void top_publisher_free(struct top_publisher **);

#endif
