/*
 * values.c - keeps the text of every option and where it was set.
 *
 * Knows the order in which values replace each other only as "the last wins";
 * config.c calls the sources in the order of their rank. A value is checked
 * when it is set, so that a bad one is refused even where a later source
 * would replace it.
 */
#include "common/config/values.h"

#include "common/base/alloc.h"
#include "common/config/option_types.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void items_free(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

static void section_clear(struct section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        items_free(section->settings[i].items, section->settings[i].count);
        free(section->settings[i].where);
    }
    free(section->settings);
    free(section->title);
    free(section->where);
}

static char *copy_or_null(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

struct section *values_add_section(struct values *values,
    enum option_section kind, const char *title, const char *where)
{
    values->sections = xrealloc(
        values->sections, (values->count + 1) * sizeof *values->sections);
    struct section *section = &values->sections[values->count++];
    const struct option *row = NULL;
    *section = (struct section){
        .kind = kind,
        .title = copy_or_null(title),
        .where = copy_or_null(where),
        .count = option_rows(kind, &row),
    };
    section->settings = xcalloc(section->count, sizeof *section->settings);
    for (size_t i = 0; i < section->count; i++, row++) {
        struct error err;
        struct setting *setting = &section->settings[i];
        setting->option = row;
        setting->title = section->title;
        bool is_good = row->def == NULL ||
                       setting_assign_text(setting, row->def, NULL, &err);
        assert(is_good);
    }
    return section;
}

struct values *values_new(void)
{
    struct values *values = xcalloc(1, sizeof *values);
    values_add_section(values, SECTION_TOP, NULL, NULL);
    values_add_section(values, SECTION_POLICYD, NULL, NULL);
    values_add_section(values, SECTION_MILTER, NULL, NULL);
    return values;
}

size_t values_add_file(struct values *values, const char *path, bool is_ended)
{
    values->files = xrealloc(
        values->files, (values->file_count + 1) * sizeof *values->files);
    values->files[values->file_count] =
        (struct conf_file){.path = xstrdup(path), .is_ended = is_ended};
    return values->file_count++;
}

void values_note_statement(
    struct conf_file *file, const char *name, const char *title)
{
    file->statements = xrealloc(
        file->statements, (file->count + 1) * sizeof *file->statements);
    file->statements[file->count++] =
        title != NULL ? xprintf("%s \"%s\"", name, title) : xstrdup(name);
}

static void file_clear(struct conf_file *file)
{
    items_free(file->statements, file->count);
    free(file->path);
}

void values_free(struct values **values)
{
    if (*values == NULL)
        return;
    for (size_t i = 0; i < (*values)->count; i++)
        section_clear(&(*values)->sections[i]);
    free((*values)->sections);
    for (size_t i = 0; i < (*values)->file_count; i++)
        file_clear(&(*values)->files[i]);
    free((*values)->files);
    free(*values);
    *values = NULL;
}

struct section *values_section(
    const struct values *values, enum option_section kind)
{
    for (size_t i = 0; i < values->count; i++)
        if (values->sections[i].kind == kind)
            return &values->sections[i];
    return NULL;
}

struct setting *section_setting(const struct section *section, const char *name)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->settings[i].option->name, name) == 0)
            return &section->settings[i];
    return NULL;
}

static bool is_known(char *const *items, size_t count, const char *item)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i], item) == 0)
            return true;
    return false;
}

/* An empty text switches an item of a list off. */
static bool read_items(const struct option *option, const char *const *items,
    size_t count, char **canonical, size_t *count_r, struct error *err)
{
    *count_r = 0;
    for (size_t i = 0; i < count; i++) {
        char *item;
        if (option_is_list(option) && items[i][0] == '\0')
            continue;
        if (!option_read(option, items[i], &item, err))
            return false;
        if (option->type != OPTION_ARGV &&
            is_known(canonical, *count_r, item)) {
            error_set(err, "\"%s\" stands in the list twice", item);
            free(item);
            return false;
        }
        canonical[(*count_r)++] = item;
    }
    return true;
}

/* "tollgate.conf:3: limit \"day\": rate: " before what is in err. */
static bool prefix_setting(
    const struct setting *setting, const char *where, struct error *err)
{
    const struct option *option = setting->option;
    error_prefix(err, "%s: ", option->label);
    if (setting->title != NULL)
        error_prefix(err, "%s \"%s\": ", option_sections[option->section].name,
            setting->title);
    if (where != NULL)
        error_prefix(err, "%s: ", where);
    return false;
}

bool setting_assign(struct setting *setting, const char *const *items,
    size_t count, const char *where, struct error *err)
{
    char **canonical = xcalloc(count + 1, sizeof *canonical);
    size_t kept;
    if (!read_items(setting->option, items, count, canonical, &kept, err)) {
        items_free(canonical, kept);
        return prefix_setting(setting, where, err);
    }
    items_free(setting->items, setting->count);
    free(setting->where);
    setting->items = canonical;
    setting->count = kept;
    setting->where = copy_or_null(where);
    return true;
}

/* In place: every comma ends an item, spaces around it do not count. */
static size_t split_at_commas(char *text, const char **items)
{
    size_t count = 0;
    char *rest = text, *item;
    while ((item = strsep(&rest, ",")) != NULL) {
        item += strspn(item, " ");
        size_t len = strlen(item);
        while (len > 0 && item[len - 1] == ' ')
            item[--len] = '\0';
        items[count++] = item;
    }
    return count;
}

bool setting_assign_text(struct setting *setting, const char *text,
    const char *where, struct error *err)
{
    if (!option_is_list(setting->option))
        return setting_assign(setting, &text, 1, where, err);
    char *copy = xstrdup(text);
    const char **items = xcalloc(strlen(text) + 1, sizeof *items);
    size_t count = split_at_commas(copy, items);
    bool is_good = setting_assign(setting, items, count, where, err);
    free(items);
    free(copy);
    return is_good;
}

const char *setting_text(const struct setting *setting)
{
    return setting->count == 0 ? "" : setting->items[0];
}

bool setting_is_same(const struct setting *a, const struct setting *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

bool setting_refuse(
    const struct setting *setting, struct error *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(err, "%s", len < 0 ? "malformed" : text);
    return prefix_setting(setting, setting->where, err);
}

bool section_refuse(
    const struct section *section, struct error *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, "%s: %s \"%s\": %s", section->where,
        option_sections[section->kind].name, section->title,
        len < 0 ? "malformed" : text);
}
