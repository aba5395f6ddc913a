/*
 * memory_edicts.h - edicts of this process alone, by the rules of control.lua.
 */
#ifndef TOLLGATE_STORE_MEMORY_EDICTS_H
#define TOLLGATE_STORE_MEMORY_EDICTS_H

#include "common/core/edict_table.h"
#include "common/store/store.h"

/* What the request asks for, without asking whether it may. */
void memory_edicts_apply(struct edict_table *,
    const struct store_edict_request *, uint64_t now_ms, uint64_t wall_ms);

/* As store_edict_write says, at once. Both clocks in milliseconds. */
enum store_edict_result memory_edicts_write(struct edict_table *,
    const struct store_edict_request *, uint64_t now_ms, uint64_t wall_ms);

#endif
