/*
 * slot.h - work that peers ask for gets a slot of the loop's time, no more.
 *
 * Decisions share the loop with it: a turn of the loop spends 1 ms on a slot,
 * and the slot rests as long as it has worked. A piece of work that costs more
 * than 2 ms of CPU is dear: the slot then rests a hundred times as long (5 s at
 * most), so that at most one decision in a hundred meets a dear piece.
 */
#ifndef TOLLGATE_NET_SLOT_H
#define TOLLGATE_NET_SLOT_H

#include <stdbool.h>

struct event_base;
struct slot;

struct slot_options {
    /* Does one piece; false: there was none. Called from the loop only. */
    bool (*work)(void *context);
    void *context;
    /* Those who ask may change things anyway: dear pieces are no matter. */
    bool is_trusted;
};

/* The options are copied; what they point to is borrowed. */
struct slot *slot_new(struct event_base *, const struct slot_options *);
/* Not from work. */
void slot_free(struct slot **);

/* There is a piece to do; called as often as one likes. */
void slot_wake(struct slot *);

#endif
