/*
 * name_list.c - see name_list.h.
 *
 * Asked at every request of a limit that has a list: two binary searches, no
 * allocation.
 */
#include "common/core/name_list.h"

#include "common/base/alloc.h"
#include "common/base/ascii.h"
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

void name_list_add_file(struct name_list *list, const struct name_list *file)
{
    list->files =
        xrealloc(list->files, (list->file_count + 1) * sizeof *list->files);
    list->files[list->file_count++] = file;
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
    return list->count > 0 && bsearch(&text, list->items, list->count,
                                  sizeof *list->items, compare) != NULL;
}

/* at: its domain with the @, or NULL. */
static bool holds_either(
    const struct name_list *list, const char *at, const char *name)
{
    return (at != NULL && has(list, at)) || has(list, name);
}

bool name_list_holds(const struct name_list *list, const char *name)
{
    char folded[MAILBOX_SIZE];
    const char *at;

    if (name_list_is_unset(list) || name[0] == '\0')
        return false;
    copy_folded(folded, name);
    at = strrchr(folded, '@');
    for (size_t i = 0; i < list->file_count; i++)
        if (holds_either(list->files[i], at, folded))
            return true;
    return holds_either(list, at, folded);
}

void name_list_clear(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    free(list->files);
    *list = (struct name_list){0};
}
