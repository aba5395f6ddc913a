/*
 * notice_table.c - see notice_table.h.
 *
 * Searched from end to end: 8 KB of hashes are read faster than most tables
 * are walked, and only for a refusal that somebody wants to hear of.
 */
#include "common/engine/notice_table.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct notice_table {
    uint64_t hashes[NOTICE_ENTRIES_MAX];
    struct notice_entry *entries[NOTICE_ENTRIES_MAX];
    size_t count;
};

struct notice_table *notice_table_new(void)
{
    return xcalloc(1, sizeof(struct notice_table));
}

void notice_table_free(struct notice_table **table)
{
    if (*table == NULL)
        return;
    for (size_t i = 0; i < (*table)->count; i++)
        free((*table)->entries[i]);
    free(*table);
    *table = NULL;
}

static bool is_over(const struct notice_entry *entry, uint64_t now_ms)
{
    return entry->due_ms == 0 && entry->until_ms <= now_ms;
}

struct notice_entry *notice_table_get(
    struct notice_table *table, uint64_t hash, uint64_t now_ms)
{
    size_t at = 0;

    for (size_t i = 0; i < table->count; i++)
        if (table->hashes[i] == hash)
            return table->entries[i];
    while (at < table->count && !is_over(table->entries[at], now_ms))
        at++;
    if (at == NOTICE_ENTRIES_MAX)
        return NULL;
    if (at == table->count)
        table->entries[table->count++] = xcalloc(1, sizeof *table->entries[at]);
    *table->entries[at] = (struct notice_entry){0};
    table->hashes[at] = hash;
    return table->entries[at];
}

struct notice_entry *notice_table_next(const struct notice_table *table)
{
    struct notice_entry *next = NULL;

    for (size_t i = 0; i < table->count; i++) {
        struct notice_entry *entry = table->entries[i];
        if (entry->due_ms != 0 &&
            (next == NULL || entry->due_ms < next->due_ms))
            next = entry;
    }
    return next;
}

static uint64_t step_of(const struct notice_entry *entry)
{
    uint64_t step = entry->notice.every_ms / NOTICE_STEPS;

    return step < NOTICE_STEP_MIN   ? NOTICE_STEP_MIN
           : step > NOTICE_STEP_MAX ? NOTICE_STEP_MAX
                                    : step;
}

void notice_entry_schedule(
    struct notice_entry *entry, bool is_shared, uint64_t now_ms)
{
    uint64_t until_ms = entry->until_ms, step_ms = now_ms + step_of(entry);

    if (entry->told > 0)
        entry->due_ms = now_ms;
    else if (entry->count > 0)
        entry->due_ms = until_ms <= now_ms                ? now_ms
                        : is_shared && step_ms < until_ms ? step_ms
                                                          : until_ms;
    else if (entry->is_left)
        entry->due_ms = until_ms > now_ms ? until_ms : step_ms;
    else
        entry->due_ms = 0;
}

void notice_entry_see(
    struct notice_entry *entry, bool is_shared, uint64_t now_ms)
{
    bool is_first = entry->count == 0;

    if (entry->count < UINT32_MAX / 2)
        entry->count++;
    if (entry->due_ms == 0 || (is_first && entry->told == 0))
        notice_entry_schedule(entry, is_shared, now_ms);
}
