/*
 * redis_edicts.h - edicts, boards and records in Redis, by control.lua.
 *
 * Off the path of decisions: asks twice a second what is new, and reads it in
 * pages. While Redis is away what was known stays, each until its own end. A
 * connection that is made anew, or another node of a Cluster, is read anew, and
 * what was known stays in use until the last page is there.
 */
#ifndef TOLLGATE_STORE_REDIS_EDICTS_H
#define TOLLGATE_STORE_REDIS_EDICTS_H

#include "common/store/redis_store.h"

struct redis_edicts;

/* The table is the facade's: borrowed, and written here. */
struct redis_edicts *redis_edicts_new(
    struct redis_store *, struct event_base *, struct edict_table **table);
/* Before the connection goes. */
void redis_edicts_free(struct redis_edicts **);

/* It can be used again: what is new? */
void redis_edicts_poll(struct redis_edicts *);

/* As store_edict_write says. */
void redis_edicts_write(struct redis_edicts *, struct store_edict_request *);
/* No on_done any more; what was sent is written all the same. */
void redis_edicts_cancel(struct redis_edicts *, struct store_edict_request *);

/* Without an answer: a board is shown anew every few seconds. */
void redis_boards_show(struct redis_edicts *, const char *text, size_t len);
/* As store_board_read says. */
void redis_boards_read(struct redis_edicts *, struct store_board_request *);
/* Neither on_board nor on_done any more. */
void redis_boards_cancel(struct redis_edicts *, struct store_board_request *);

/* As store_record_keep says. */
bool redis_record_keep(struct redis_edicts *, uint64_t hour, const char *name,
    const char *text, size_t len);
/* As store_records_read says. */
void redis_records_read(struct redis_edicts *, struct store_record_request *);
/* Neither on_record nor on_done any more. */
void redis_records_cancel(struct redis_edicts *, struct store_record_request *);

#endif
