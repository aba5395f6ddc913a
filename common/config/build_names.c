/*
 * build_names.c - the senders, logins and recipients that a limit is for.
 *
 * Items get the form in which names are counted, so that each spelling of a
 * mailbox is in the list or none is.
 */
#include "common/config/build.h"

#include "common/base/memory.h"

#include <stdlib.h>

static bool is_given(char *const *texts)
{
    return texts != NULL && texts[0] != NULL;
}

bool build_has_names(const struct limit_section *raw)
{
    return is_given(raw->senders) || is_given(raw->logins) ||
           is_given(raw->recipients);
}

/* delimiters: NULL for logins, which have none. */
static void add_names(struct name_list *list, char *const *texts,
    bool is_mailbox, const char *delimiters)
{
    char form[MAILBOX_SIZE];

    for (; *texts != NULL; texts++)
        name_list_add(list, is_mailbox && **texts != '@'
                                ? mailbox_canonical(*texts, delimiters, form)
                                : mailbox_without_dot(*texts, form));
    name_list_sort(list);
}

struct limit_names *build_names(
    const struct config *config, const struct limit_section *raw)
{
    const char *delimiters = config->prefixes.recipient_delimiter;
    struct limit_names *names;

    if (!build_has_names(raw))
        return NULL;
    names = xcalloc(1, sizeof *names);
    add_names(&names->senders, raw->senders, true, delimiters);
    add_names(&names->logins, raw->logins, false, NULL);
    add_names(&names->recipients, raw->recipients, true, delimiters);
    return names;
}
