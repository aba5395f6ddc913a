/*
 * refusal.h - what a refusal, or one that would be, does besides its words.
 */
#ifndef TOLLGATE_ENGINE_REFUSAL_H
#define TOLLGATE_ENGINE_REFUSAL_H

#include "common/engine/decision_log.h"

/* The verdict of the decision; counted and logged, unless nobody acts on it. */
void refusal_make(struct decision *, const struct refusal *);

/* It passes into the hold queue: because of the ban or the limit that came
 * first. Counted and logged as above, and not after a peek: then the event
 * itself comes. */
void refusal_hold(struct decision *, const struct refusal *);

/* What a limit that is asked without the store does: notes as a shadow, holds
 * or refuses. False: it refuses. */
bool refusal_by_limit(struct decision *, const struct refusal *);

/* Nothing is refused, but it is counted and logged what would have been. After
 * a peek the event itself comes, since nothing was refused. */
void refusal_note_shadow(struct decision *, struct refusal);

#endif
