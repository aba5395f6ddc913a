/*
 * memory_records.c - see memory_records.h.
 *
 * A record is looked for from the newest: it is one of this hour's.
 */
#include "common/store/memory_records.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct memory_record {
    TAILQ_ENTRY(memory_record) link;
    uint64_t hour;
    char *name, *text;
    size_t len;
};

void memory_records_init(struct memory_records *records)
{
    TAILQ_INIT(&records->list);
    records->count = 0;
}

static void drop(struct memory_records *records, struct memory_record *record)
{
    TAILQ_REMOVE(&records->list, record, link);
    records->count--;
    free(record->name);
    free(record->text);
    free(record);
}

void memory_records_clear(struct memory_records *records)
{
    while (!TAILQ_EMPTY(&records->list))
        drop(records, TAILQ_FIRST(&records->list));
}

static struct memory_record *find(
    struct memory_records *records, uint64_t hour, const char *name)
{
    struct memory_record *record;

    TAILQ_FOREACH_REVERSE(record, &records->list, memory_record_list, link)
    {
        if (record->hour < hour)
            return NULL;
        if (record->hour == hour && strcmp(record->name, name) == 0)
            return record;
    }
    return NULL;
}

/* Those that are over, or one too many. */
static void make_room(struct memory_records *records, uint64_t hour)
{
    const struct memory_record *first;

    while ((first = TAILQ_FIRST(&records->list)) != NULL &&
           (first->hour + STORE_RECORD_DAYS * 24 < hour ||
               records->count >= STORE_RECORDS_MAX))
        drop(records, TAILQ_FIRST(&records->list));
}

void memory_records_keep(struct memory_records *records, uint64_t hour,
    const char *name, const char *text, size_t len)
{
    struct memory_record *record = find(records, hour, name);

    if (record == NULL) {
        make_room(records, hour);
        record = xcalloc(1, sizeof *record);
        record->hour = hour;
        record->name = xstrdup(name);
        TAILQ_INSERT_TAIL(&records->list, record, link);
        records->count++;
    }
    free(record->text);
    record->text = xcalloc(1, len + 1);
    memcpy(record->text, text, len);
    record->len = len;
}

void memory_records_read(
    struct memory_records *records, struct store_record_request *request)
{
    const struct memory_record *record;

    TAILQ_FOREACH(record, &records->list, link)
        if (record->hour >= request->since_hour)
            request->on_record(request, record->text, record->len);
}
