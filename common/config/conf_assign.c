/*
 * conf_assign.c - holds the names of a configuration file against the table.
 *
 * An unknown name is answered with the nearest known one, and with all of
 * them.
 */
#include "common/config/conf_assign.h"

#include "common/base/alloc.h"
#include "common/base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a b c": what a section knows, for the error about another name. */
static void names_format(enum option_section section, char *out, size_t size)
{
    const struct option *row = NULL;
    size_t count = option_rows(section, &row), at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && at < size; i++) {
        int len = snprintf(
            out + at, size - at, "%s%s", at > 0 ? " " : "", row[i].name);
        at += len > 0 ? (size_t)len : size;
    }
}

/* "did you mean "store"? ", or nothing. */
static void meant_format(const struct nearest *nearest, char *out, size_t size)
{
    const char *word = nearest_word(nearest);
    out[0] = '\0';
    if (word != NULL)
        snprintf(out, size, "did you mean \"%s\"? ", word);
}

static bool refuse_section(const char *name, struct error *err)
{
    struct nearest nearest;
    char meant[64];
    nearest_begin(&nearest, name);
    for (unsigned i = SECTION_TOP + 1; i < OPTION_SECTIONS; i++)
        nearest_try(&nearest, option_sections[i].name);
    meant_format(&nearest, meant, sizeof meant);
    return error_set(err,
        "no such section; %sallowed: service, limit, policyd, milter, "
        "certificate",
        meant);
}

static bool refuse_option(
    enum option_section section, const char *name, struct error *err)
{
    struct nearest nearest;
    char meant[64], names[900];
    const struct option *row = NULL;
    size_t count = option_rows(section, &row);
    nearest_begin(&nearest, name);
    for (size_t i = 0; i < count; i++)
        nearest_try(&nearest, row[i].name);
    meant_format(&nearest, meant, sizeof meant);
    names_format(section, names, sizeof names);
    return error_set(err, "no such option; %sallowed: %s", meant, names);
}

static bool check_title(
    enum option_section kind, const char *title, struct error *err)
{
    const struct option_section_kind *row = &option_sections[kind];
    if (row->is_titled && title == NULL)
        return error_set(err,
            "a section without a title; write %s \"title\" { }", row->name);
    if (!row->is_titled && title != NULL)
        return error_set(
            err, "a section with a title; write %s { }", row->name);
    return true;
}

static struct section *same_section(
    const struct values *values, enum option_section kind, const char *title)
{
    for (size_t i = 0; i < values->count; i++) {
        struct section *section = &values->sections[i];
        if (section->kind == kind &&
            (title == NULL || strcmp(section->title, title) == 0))
            return section;
    }
    return NULL;
}

struct section *conf_open_section(struct values *values, const char *name,
    const char *title, const char *where, struct error *err)
{
    enum option_section kind;
    bool is_known = option_section_find(name, &kind);
    if (!is_known || !check_title(kind, title, err)) {
        if (!is_known)
            refuse_section(name, err);
        return NULL;
    }
    struct section *section = same_section(values, kind, title);
    if (section == NULL)
        return values_add_section(values, kind, title, where);
    if (section->where == NULL) {
        section->where = xstrdup(where);
        return section;
    }
    error_set(err, "section given twice%s%s%s; the first is at %s",
        title ? " with the title \"" : "", title ? title : "",
        title ? "\"" : "", section->where);
    return NULL;
}

struct setting *conf_find_setting(const struct section *section,
    const char *name, bool is_append, struct error *err)
{
    struct setting *setting = section_setting(section, name);
    if (setting == NULL)
        refuse_option(section->kind, name, err);
    else if (setting->where != NULL && !is_append)
        error_set(err, "set twice; the first is at %s", setting->where);
    else
        return setting;
    return NULL;
}

bool conf_check_form(const struct setting *setting, enum conf_form form,
    bool is_append, struct error *err)
{
    const struct option *option = setting->option;
    if ((form == CONF_LIST || is_append) && !option_is_list(option))
        return error_set(err, "%s; allowed: one value without { }, set with =",
            is_append ? "+= adds to lists only" : "a list");
    if (form == CONF_QUOTED &&
        (option->type == OPTION_NUMBER || option->type == OPTION_BOOL))
        return error_set(err, "a text; allowed: %s without quotes",
            option->type == OPTION_BOOL ? "true or false" : "a number");
    return true;
}

bool conf_assign(struct setting *setting, bool is_append, char *const *items,
    size_t count, const char *where, struct error *err)
{
    size_t kept = is_append ? setting->count : 0;
    const char **all = xcalloc(kept + count + 1, sizeof *all);
    for (size_t i = 0; i < kept; i++)
        all[i] = setting->items[i];
    for (size_t i = 0; i < count; i++)
        all[kept + i] = items[i];
    bool is_good = setting_assign(setting, all, kept + count, where, err);
    free(all);
    return is_good;
}
