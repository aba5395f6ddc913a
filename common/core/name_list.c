/*
 * name_list.c - see name_list.h.
 *
 * Asked at every request of a limit that has a list: two binary searches, no
 * allocation.
 */
#include "common/core/name_list.h"

#include "common/base/ascii.h"
#include "common/base/memory.h"
#include "common/core/mailbox.h"

#include <stdlib.h>
#include <string.h>

/* Cut at its size: what is longer than an address can be is in no list. */
static void copy_folded(char out[MAILBOX_SIZE], const char *text)
{
    size_t len = 0;

    for (; text[len] != '\0' && len < MAILBOX_SIZE - 1; len++)
        out[len] = ascii_fold(text[len]);
    out[len] = '\0';
}

void name_list_add(struct name_list *list, const char *text)
{
    char folded[MAILBOX_SIZE];

    copy_folded(folded, text);
    list->items =
        xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = xstrdup(folded);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void name_list_sort(struct name_list *list)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, compare);
}

static bool has(const struct name_list *list, const char *text)
{
    return bsearch(&text, list->items, list->count, sizeof *list->items,
               compare) != NULL;
}

bool name_list_holds(const struct name_list *list, const char *name)
{
    char folded[MAILBOX_SIZE];
    const char *at;

    if (list->count == 0 || name[0] == '\0')
        return false;
    copy_folded(folded, name);
    at = strrchr(folded, '@');
    return (at != NULL && has(list, at)) || has(list, folded);
}

void name_list_clear(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct name_list){0};
}
