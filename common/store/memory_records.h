/*
 * memory_records.h - records (store.h) of this process alone.
 */
#ifndef TOLLGATE_STORE_MEMORY_RECORDS_H
#define TOLLGATE_STORE_MEMORY_RECORDS_H

#include "common/store/store.h"

#include <sys/queue.h>

struct memory_record;

struct memory_records {
    TAILQ_HEAD(memory_record_list, memory_record) list; /* the oldest first */
    size_t count;
};

/* There are none. */
void memory_records_init(struct memory_records *);
/* Frees all. */
void memory_records_clear(struct memory_records *);
/* As store_record_keep says; of too many the oldest goes. */
void memory_records_keep(struct memory_records *, uint64_t hour,
    const char *name, const char *text, size_t len);
/* Tells each of since_hour and later. No on_done. */
void memory_records_read(
    struct memory_records *, struct store_record_request *);

#endif
