/*
 * callbacks.h - the edge to libmilter: what it calls, and what it is told.
 *
 * Only here are libmilter's types. Callbacks of one session come one after
 * the other, but on changing threads; a session without a context (a health
 * check that connects and leaves) is none.
 */
#ifndef TOLLGATE_MILTER_CALLBACKS_H
#define TOLLGATE_MILTER_CALLBACKS_H

#include "common/base/error.h"

struct judge;
struct bridge;

/* Before the socket is opened. */
bool callbacks_register(struct error *err);
/* Before callbacks_run: whom they ask. is_inet: over a network DATA must be
 * answered, or Nagle's algorithm holds each message back for 40 ms. */
void callbacks_prepare(struct judge *, struct bridge *, bool is_inet);
/* Serves; returns only if libmilter gives up. */
int callbacks_run(void);

#endif
