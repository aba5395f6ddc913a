/*
 * top_list.c - see top_list.h.
 *
 * A key that a source does not name may have come there `unlisted` times. So
 * each row remembers the `unlisted` of the sources that do name it, and the
 * others' is added to its upper bound in the end.
 */
#include "common/core/top_list.h"

#include "common/base/alloc.h"
#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

void top_list_clear(struct top_list *list)
{
    free(list->rows);
    *list = (struct top_list){0};
}

void top_lists_clear(struct top_lists *lists)
{
    for (unsigned face = 0; face < FACES; face++)
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
            top_list_clear(&lists->of[face][kind]);
}

void top_list_row(struct top_list *list, const char *key, uint64_t least,
    uint64_t most, uint64_t refused, uint64_t unlisted)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->rows = xrealloc(list->rows, list->room * sizeof *list->rows);
    }
    struct top_row *row = &list->rows[list->count++];
    *row = (struct top_row){.least = least,
        .most = most,
        .refused = refused,
        .named = unlisted,
        .source = list->sources};
    size_t len = strnlen(key, sizeof row->key - 1);
    memcpy(row->key, key, len);
}

void top_list_source(
    struct top_list *list, uint64_t total, uint64_t unlisted, uint64_t span_ms)
{
    list->sources++;
    list->total += total;
    list->unlisted += unlisted;
    if (span_ms > list->span_ms)
        list->span_ms = span_ms;
}

void top_list_heavy(struct top_list *list, const struct heavy *heavy,
    uint64_t span_ms, const char names[][TOP_BY_SIZE],
    void (*format)(const struct heavy_slot *, char text[TOP_KEY_SIZE]))
{
    uint64_t unlisted = heavy_unlisted(heavy);
    char text[TOP_KEY_SIZE], key[TOP_KEY_SIZE];
    for (size_t i = 0; i < heavy->used; i++) {
        const struct heavy_slot *slot = &heavy->slots[i];
        format(slot, text);
        log_escape(key, sizeof key, text, strlen(text));
        top_list_row(list, key, slot->count - slot->error, slot->count,
            slot->marked, unlisted);
        memcpy(list->rows[list->count - 1].by, names[slot->mark], TOP_BY_SIZE);
    }
    top_list_source(list, heavy->total, unlisted, span_ms);
}

static int compare_keys(const void *a, const void *b)
{
    const struct top_row *one = a, *two = b;
    int order = strcmp(one->key, two->key);
    if (order != 0)
        return order;
    return one->source < two->source ? -1 : one->source > two->source;
}

static int compare_rows(const void *a, const void *b)
{
    const struct top_row *one = a, *two = b;
    if (one->most != two->most)
        return one->most > two->most ? -1 : 1;
    if (one->least != two->least)
        return one->least > two->least ? -1 : 1;
    return strcmp(one->key, two->key);
}

/* In the order of their sources: one that names a key twice counts once. */
static void row_add(struct top_row *row, const struct top_row *other)
{
    if (row->source != other->source)
        row->named += other->named;
    row->source = other->source;
    if (other->by[0] != '\0' && other->refused >= row->refused)
        memcpy(row->by, other->by, TOP_BY_SIZE);
    if (other->peak > row->peak)
        row->peak = other->peak;
    if (other->allowed != 0)
        row->allowed = other->allowed;
    row->least += other->least;
    row->most += other->most;
    row->refused += other->refused;
}

void top_list_settle(struct top_list *list, size_t max)
{
    size_t count = 0;
    if (list->count == 0)
        return;
    qsort(list->rows, list->count, sizeof *list->rows, compare_keys);
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->rows[count].key, list->rows[i].key) == 0)
            row_add(&list->rows[count], &list->rows[i]);
        else
            list->rows[++count] = list->rows[i];
    list->count = count + 1;
    for (size_t i = 0; i < list->count; i++) {
        struct top_row *row = &list->rows[i];
        /* Less only where a source has named a key twice. */
        if (row->named < list->unlisted)
            row->most += list->unlisted - row->named;
        row->named = list->unlisted;
    }
    qsort(list->rows, list->count, sizeof *list->rows, compare_rows);
    if (list->count <= max)
        return;
    if (list->rows[max].most > list->unlisted)
        list->unlisted = list->rows[max].most;
    list->count = max;
}
