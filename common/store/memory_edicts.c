/*
 * memory_edicts.c - see memory_edicts.h.
 */
#include "common/store/memory_edicts.h"

void memory_edicts_apply(struct edict_table *table,
    const struct store_edict_request *request, uint64_t now_ms,
    uint64_t wall_ms)
{
    struct edict edict = request->edict;
    if (request->life_ms == 0) {
        (void)edict_table_remove(table, edict.kind, edict.key);
        return;
    }
    edict.until_ms = now_ms + request->life_ms;
    edict.set_ms = wall_ms;
    (void)edict_table_make_room(table, &edict);
    edict_table_put(table, &edict);
}

enum store_edict_result memory_edicts_write(struct edict_table *table,
    const struct store_edict_request *request, uint64_t now_ms,
    uint64_t wall_ms)
{
    const struct edict *edict = &request->edict;
    edict_table_expire(table, now_ms);
    if (request->life_ms == 0 &&
        edict_table_find(table, edict->kind, edict->key) == NULL)
        return STORE_EDICT_NONE;
    if (edict_table_is_persons(table, edict, now_ms) ||
        (request->keeps_as_long &&
            edict_table_lives(table, edict, request->life_ms, now_ms, wall_ms)))
        return STORE_EDICT_KEPT;
    if (request->life_ms != 0 && !edict_table_make_room(table, edict))
        return STORE_EDICT_FULL;
    memory_edicts_apply(table, request, now_ms, wall_ms);
    return STORE_EDICT_DONE;
}
