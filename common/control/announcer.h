/*
 * announcer.h - tells the other daemons of a shared store who we are, so that
 * `show` there can name the holder of a connection.
 */
#ifndef TOLLGATE_CONTROL_ANNOUNCER_H
#define TOLLGATE_CONTROL_ANNOUNCER_H

struct announcer;
struct daemon;

/* At once, and again each minute: a store may forget. */
struct announcer *announcer_new(struct daemon *);
void announcer_free(struct announcer **);

#endif
