/*
 * names.c - see names.h.
 */
#include "common/engine/names.h"

#include <string.h>

void names_note(struct names *names, const char *name)
{
    if (names->count > 0 && strcmp(names->items[names->last], name) == 0)
        return;
    size_t len = strnlen(name, NAMES_SIZE);
    if (len == NAMES_SIZE)
        return;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0) {
            names->last = i;
            return;
        }
    if (names->count == NAMES_MAX)
        return;
    memcpy(names->items[names->count], name, len + 1);
    names->last = names->count++;
}
