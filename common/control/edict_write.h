/*
 * edict_write.h - what the commands that set or lift an edict have in common.
 */
#ifndef TOLLGATE_CONTROL_EDICT_WRITE_H
#define TOLLGATE_CONTROL_EDICT_WRITE_H

#include "common/control/control_command.h"
#include "common/core/edict.h"

#define EDICT_LIFE_MS     3600000 /* where none is given */
#define EDICT_LIFE_MIN_MS 1000

/* "duration" of the arguments; false: refused, the call is over. */
bool edict_write_life(
    struct control_call *, const json_t *arguments, uint64_t *life_ms_r);

/*
 * Writes it (life_ms 0: lifts it), says who has asked, and answers with what
 * edict_describe says. what: for people, "ban" or "override".
 */
void edict_write(struct control_call *, const struct edict *, uint64_t life_ms,
    const char *what);

/* Key, who, reason, a ban's own action, seconds left and since when; members
 * are added. */
json_t *edict_describe(const struct edict *, uint64_t left_ms);
/* Adds what the kind has besides. */
typedef void edict_add(
    const struct control_host *, const struct edict *, json_t *member);
/* Answers with all of one kind: `{"NAME":[...],"shared":…}`. */
void edict_list(
    struct control_call *, enum edict_kind, const char *name, edict_add *);
/* {items, more}: the first `most` of one kind, and how many others there are.
 */
json_t *edict_some(
    const struct control_host *, enum edict_kind, size_t most, edict_add *);

#endif
