/*
 * edict_text.h - an edict as the store keeps it.
 *
 * Pure. What is read may have been written by another version or by hand:
 * it is taken whole, or not at all.
 */
#ifndef TOLLGATE_STORE_EDICT_TEXT_H
#define TOLLGATE_STORE_EDICT_TEXT_H

#include "common/core/edict.h"

#include <stddef.h>

#define EDICT_ID_SIZE (1 + EDICT_KEY_SIZE)
#define EDICT_TEXT_SIZE \
    (64 + EDICT_WHO_SIZE + EDICT_REASON_SIZE + EDICT_ACTION_SIZE)

/* "b198.51.100.0/24", "bsasl:bob" or "oLIMIT SUBJECT"; returns its length. An
 * earlier version knows no name, and leaves such a ban out. */
size_t edict_write_id(const struct edict *, char id[EDICT_ID_SIZE]);
/* The rest of it but for its times: "N TAB WINDOW_MS TAB WHO TAB REASON", and
 * "TAB ACTION" where a ban has one, which an earlier version takes for more of
 * the reason. N of a ban: 1 if it is automatic. N of an override that lets
 * nothing through: "x", which an earlier version leaves out: there the limit's
 * own rate stays. */
size_t edict_write_text(const struct edict *, char text[EDICT_TEXT_SIZE]);

/* Kind and key. */
bool edict_read_id(struct edict *, const char *id, size_t len);
/* An action that ban_action could not be is left out: the ban is obeyed. */
bool edict_read_text(struct edict *, const char *text, size_t len);

#endif
