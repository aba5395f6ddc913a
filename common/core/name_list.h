/*
 * name_list.h - addresses and domains that a limit is for.
 *
 * Pure. Items are "bob@example.com", a login without a domain, or
 * "@example.com" for every name of the domain, but not of those below it. Case
 * does not count. Immutable once set, but for lists that are read from files.
 */
#ifndef TOLLGATE_CORE_NAME_LIST_H
#define TOLLGATE_CORE_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct name_list {
    char **items; /* sorted, in lower case */
    size_t count;
    const struct name_list **files; /* lists that others own and may replace */
    size_t file_count;
};

/* Nothing was said: neither names nor files. */
static inline bool name_list_is_unset(const struct name_list *list)
{
    return list->count == 0 && list->file_count == 0;
}

/* The names of another list are in it as well: borrowed, outlives it. */
void name_list_add_file(struct name_list *, const struct name_list *file);

/* Adds a copy of the text; name_list_sort must follow the last. */
void name_list_add(struct name_list *, const char *text);
void name_list_sort(struct name_list *);
/* The name, or its domain? name: as limit_part_text gives it, "" for none. */
bool name_list_holds(const struct name_list *, const char *name);
/* Frees what it owns. */
void name_list_clear(struct name_list *);

#endif
