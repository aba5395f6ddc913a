/*
 * build_names.c - the senders, logins and recipients that a limit is for.
 *
 * Items get the form in which names are counted, so that each spelling of a
 * mailbox is in the list or none is.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"
#include "common/config/name_file.h"

#include <stdlib.h>
#include <string.h>

static bool is_given(char *const *texts)
{
    return texts != NULL && texts[0] != NULL;
}

bool build_has_names(const struct limit_section *raw)
{
    return is_given(raw->senders) || is_given(raw->logins) ||
           is_given(raw->recipients);
}

static bool add_file(struct config *config, struct name_list *list,
    const char *path, const struct name_form *form, struct error *err)
{
    struct name_file *file = name_file_new(path, form, err);

    if (file == NULL)
        return false;
    config->name_files = xrealloc(config->name_files,
        (config->name_file_count + 1) * sizeof *config->name_files);
    config->name_files[config->name_file_count++] = file;
    name_list_add_file(list, name_file_list(file));
    return true;
}

static bool add_names(struct config *config, const struct setting *setting,
    char *const *texts, const struct name_form *form, struct name_list *list,
    struct error *err)
{
    struct error why;

    for (; *texts != NULL; texts++) {
        const char *path = name_file_path(*texts);
        if (path == NULL)
            name_form_add(form, *texts, list);
        else if (!add_file(config, list, path, form, &why))
            return setting_refuse(setting, err, "%s", why.text);
    }
    name_list_sort(list);
    return true;
}

bool build_names(struct config *config, const struct section *section,
    const struct limit_section *raw, struct limit_names **names_r,
    struct error *err)
{
    const struct name_form login = {.is_login = true};
    const struct name_form mailbox = {
        .delimiters = config->prefixes.recipient_delimiter};
    struct limit_names *names;

    *names_r = NULL;
    if (!build_has_names(raw))
        return true;
    names = xcalloc(1, sizeof *names);
    if (add_names(config, section_setting(section, "senders"), raw->senders,
            &mailbox, &names->senders, err) &&
        add_names(config, section_setting(section, "logins"), raw->logins,
            &login, &names->logins, err) &&
        add_names(config, section_setting(section, "recipients"),
            raw->recipients, &mailbox, &names->recipients, err))
        *names_r = names;
    else
        limit_names_free(&names);
    return *names_r != NULL;
}

void build_clear_names(struct config *config)
{
    for (size_t i = 0; i < config->name_file_count; i++)
        name_file_free(&config->name_files[i]);
    free(config->name_files);
}
