/*
 * penalties.h - what becomes of a key that a limit has refused: on_refusal's
 * ban, and the longer one of escalate.
 *
 * Beside the decisions: none waits for it. A refusal is noted, at most
 * PENALTIES_MAX keys are in work at once, and what finds no place is counted
 * (metrics.h) and comes again with the key's next refusal. Bans are automatic
 * ones: a person's stays, and the first to end gives way where all places are
 * taken. One that is there and was made for as long is not written again.
 *
 * Refusals are counted in the store, for all daemons together, and those of one
 * limit_penalty_step as one. While the store is away nothing is counted and
 * nobody is banned; limits refuse as ever.
 */
#ifndef TOLLGATE_ENGINE_PENALTIES_H
#define TOLLGATE_ENGINE_PENALTIES_H

#include "common/engine/decision_log.h"

#define PENALTIES_MAX 64

struct penalties;

/* The engine is borrowed. */
struct penalties *penalties_new(struct engine *);
/* Nothing more comes of what is under way. */
void penalties_free(struct penalties **);

/*
 * A limit with a penalty has refused, or held, by what the store said, and by
 * the counter of its own key, not by a total (edict.h). Nothing for what nobody
 * acts on, and for infrastructure (engine/ban.h). The decision is not kept.
 */
void penalties_note(
    struct penalties *, const struct decision *, const struct refusal *);

#endif
