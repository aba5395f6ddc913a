/*
 * notice_table.h - of which keys there is something to tell.
 *
 * Pure and bounded: the clock is an argument. Of one key one entry; an entry
 * stays while it has something to tell, or nobody may tell of its key yet.
 */
#ifndef TOLLGATE_ENGINE_NOTICE_TABLE_H
#define TOLLGATE_ENGINE_NOTICE_TABLE_H

#include "common/core/notice.h"

#define NOTICE_ENTRIES_MAX 1024 /* about 1.5 KB each, while they are there */

/* While others may count the same key: a count goes to the store no later. */
#define NOTICE_STEPS    60 /* of a period one part, but: */
#define NOTICE_STEP_MIN 1000
#define NOTICE_STEP_MAX 60000

struct notice_entry {
    char note[64];        /* the name of its note in the store */
    char argv_digest[33]; /* whom to tell */
    struct notice notice; /* the first since the last; its count is not used */
    uint32_t count;       /* seen, and not yet told to the store */
    uint32_t told;        /* the store wants it told by us; not yet done */
    bool is_left;         /* it holds counts that are to be told then: */
    uint64_t until_ms;    /* nobody tells before; monotonic */
    uint64_t due_ms;      /* when there is something to do; 0: nothing */
};

struct notice_table;

/* Empty. */
struct notice_table *notice_table_new(void);
void notice_table_free(struct notice_table **);

/* The entry of that hash, a new one (all zero) where there was none; NULL:
 * there is no room. Stays where it is until it has nothing to tell. */
struct notice_entry *notice_table_get(
    struct notice_table *, uint64_t hash, uint64_t now_ms);
/* The one that is due first; NULL: none is. */
struct notice_entry *notice_table_next(const struct notice_table *);

/* One more has been seen; the notice is filled in. is_shared: there may be
 * other daemons that count the same key. */
void notice_entry_see(struct notice_entry *, bool is_shared, uint64_t now_ms);
/* Sets due_ms after something has changed. */
void notice_entry_schedule(
    struct notice_entry *, bool is_shared, uint64_t now_ms);

#endif
