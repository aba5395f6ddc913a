/*
 * edict_words.h - what bans and overrides have in common when they are shown.
 */
#ifndef TOLLGATE_CTL_EDICT_WORDS_H
#define TOLLGATE_CTL_EDICT_WORDS_H

#include "ctl/command.h"

/* "for 1h, until 2026-11-21 07:00, in all daemons of the store", with a
 * newline. */
void edict_print_end(const struct ctl_answer *);

/* " (HOLD)": the action of a ban that has its own; else nothing. */
void edict_print_action(FILE *out, const json_t *ban);

/* Below a list: whether it is one daemon's own, or may be old. */
void edict_print_store(const struct ctl_answer *);

#endif
