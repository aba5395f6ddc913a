/*
 * source_file.c - reads values from tollgate.conf by libconfuse.
 *
 * lint.h has read the text before and knows where everything stands; names
 * and forms are checked against the table here, so that libconfuse is left
 * with what it does well: strings, ${} and lists. To it all values are texts;
 * option_types.h knows better what a number is.
 */
#include "common/config/sources.h"

#include "common/base/memory.h"
#include "common/base/nearest.h"
#include "common/config/lint.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfuse's callback takes no argument of ours; set while it runs. */
static struct error *parse_error;

static void keep_error(cfg_t *cfg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void keep_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[256];
    if (vsnprintf(text, sizeof text, format, args) >= 0)
        error_set(parse_error, "%s", text);
}

/* "a, b and c": what a section knows, for the error about another name. */
static void names_format(enum option_section section, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < option_count && at < size; i++) {
        if (options[i].section != section)
            continue;
        int len = snprintf(
            out + at, size - at, "%s%s", at > 0 ? " " : "", options[i].name);
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

static bool check_section(const struct lint_entry *entry, struct error *err)
{
    enum option_section section;
    if (!option_section_find(entry->name, &section)) {
        struct nearest nearest;
        char meant[64];
        nearest_begin(&nearest, entry->name);
        for (unsigned i = SECTION_TOP + 1; i < OPTION_SECTIONS; i++)
            nearest_try(&nearest, option_sections[i].name);
        meant_format(&nearest, meant, sizeof meant);
        return error_set(err,
            "no such section; %sallowed: service, limit, policyd, milter, "
            "certificate",
            meant);
    }
    if (option_sections[section].is_titled && entry->own_title == NULL)
        return error_set(err,
            "a section without a title; write %s \"title\" "
            "{ }",
            entry->name);
    if (!option_sections[section].is_titled && entry->own_title != NULL)
        return error_set(
            err, "a section with a title; write %s { }", entry->name);
    return true;
}

static bool check_form(const struct option *option,
    const struct lint_entry *entry, struct error *err)
{
    if ((entry->form == LINT_LIST || entry->is_append) &&
        !option_is_list(option))
        return error_set(err, "%s; allowed: one value without { }, set with =",
            entry->is_append ? "+= adds to lists only" : "a list");
    if (entry->form == LINT_QUOTED &&
        (option->type == OPTION_NUMBER || option->type == OPTION_BOOL))
        return error_set(err, "a text; allowed: %s without quotes",
            option->type == OPTION_BOOL ? "true or false" : "a number");
    return true;
}

static bool check_option(const struct lint_entry *entry, struct error *err)
{
    enum option_section section = SECTION_TOP;
    if (entry->section != NULL)
        option_section_find(entry->section, &section);
    const struct option *option = option_find(section, entry->name);
    if (option != NULL)
        return check_form(option, entry, err);
    struct nearest nearest;
    char meant[64], names[900];
    nearest_begin(&nearest, entry->name);
    for (size_t i = 0; i < option_count; i++)
        if (options[i].section == section)
            nearest_try(&nearest, options[i].name);
    meant_format(&nearest, meant, sizeof meant);
    names_format(section, names, sizeof names);
    return error_set(err, "no such option; %sallowed: %s", meant, names);
}

/* A section's entry comes before those of its options. */
static bool check_entries(const struct lint *lint, struct error *err)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_entry *entry = &lint->entries[i];
        bool is_section = entry->form == LINT_SECTION;
        if (is_section ? check_section(entry, err) : check_option(entry, err))
            continue;
        error_prefix(err, "%s: ", entry->name);
        if (entry->title != NULL)
            error_prefix(err, "%s \"%s\": ", entry->section, entry->title);
        return error_prefix(err, "%s:%u: ", entry->file, entry->line);
    }
    return true;
}

/* libconfuse's form of a list's default, for += ; the caller frees. */
static char *list_default(const struct option *option)
{
    const char *def = option->def == NULL ? "" : option->def;
    char *text = xprintf("{%*s}", 3 * (int)strlen(def) + 2, "");
    char *out = text + 1;
    *out++ = '"';
    for (; *def != '\0'; def++) {
        if (*def == ',')
            *out++ = '"';
        if (*def != ' ')
            *out++ = *def;
        if (*def == ',')
            *out++ = '"';
    }
    *out = '"';
    return text;
}

/* Ends with CFG_END and has room for `spare` more before that. */
static cfg_opt_t *options_make(enum option_section section, size_t spare)
{
    const struct option *row = NULL;
    size_t count = option_rows(section, &row);
    cfg_opt_t end = CFG_END();
    cfg_opt_t *opts = xcalloc(count + spare + 1, sizeof *opts);
    for (size_t i = 0; i < count; i++) {
        cfg_opt_t scalar = CFG_STR(row[i].name, NULL, CFGF_NONE);
        cfg_opt_t list = CFG_STR_LIST(row[i].name, NULL, CFGF_NONE);
        opts[i] = option_is_list(&row[i]) ? list : scalar;
        if (option_is_list(&row[i]))
            opts[i].def.parsed = list_default(&row[i]);
    }
    opts[count + spare] = end;
    return opts;
}

static void options_free(cfg_opt_t *opts)
{
    for (cfg_opt_t *opt = opts; opt->name != NULL; opt++) {
        free(opt->def.parsed);
        if (opt->subopts != NULL)
            options_free(opt->subopts);
    }
    free(opts);
}

/* libconfuse copies the table that it is given. */
static cfg_t *parser_new(void)
{
    const size_t sections = OPTION_SECTIONS - 1;
    cfg_opt_t *opts = options_make(SECTION_TOP, sections);
    const struct option *row = NULL;
    size_t at = option_rows(SECTION_TOP, &row);
    for (unsigned i = SECTION_TOP + 1; i < OPTION_SECTIONS; i++) {
        const struct option_section_kind *kind = &option_sections[i];
        cfg_opt_t opt =
            CFG_SEC(kind->name, options_make((enum option_section)i, 0),
                kind->is_titled ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
        opts[at++] = opt;
    }
    cfg_t *cfg = cfg_init(opts, CFGF_NONE);
    options_free(opts);
    return cfg;
}

static bool copy_option(struct setting *setting, cfg_t *cfg,
    const struct lint_entry *entry, struct error *err)
{
    cfg_opt_t *opt = cfg_getopt(cfg, entry->name);
    size_t count = cfg_opt_size(opt);
    const char **items = xcalloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = cfg_opt_getnstr(opt, (unsigned)i);
    char *where = xprintf("%s:%u", entry->file, entry->line);
    bool is_good = setting_assign(setting, items, count, where, err);
    free(where);
    free(items);
    return is_good;
}

/* The section of values that an entry opens. */
static struct section *open_section(
    struct values *values, const struct lint_entry *entry)
{
    enum option_section kind = SECTION_TOP;
    option_section_find(entry->name, &kind);
    if (!option_sections[kind].is_titled)
        return values_section(values, kind);
    char *where = xprintf("%s:%u", entry->file, entry->line);
    struct section *section =
        values_add_section(values, kind, entry->own_title, where);
    free(where);
    return section;
}

/* In the order of the text, so that its first mistake is the one reported. */
static bool copy_values(cfg_t *cfg, const struct lint *lint,
    struct values *values, struct error *err)
{
    struct section *section = NULL;
    cfg_t *inner = NULL;
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_entry *entry = &lint->entries[i];
        if (entry->form == LINT_SECTION) {
            section = open_section(values, entry);
            inner = entry->own_title == NULL
                        ? cfg_getsec(cfg, entry->name)
                        : cfg_gettsec(cfg, entry->name, entry->own_title);
            continue;
        }
        bool is_top = entry->section == NULL;
        struct section *in =
            is_top ? values_section(values, SECTION_TOP) : section;
        if (!copy_option(section_setting(in, entry->name), is_top ? cfg : inner,
                entry, err))
            return false;
    }
    return true;
}

bool source_read_file(
    const char *path, struct values *values, struct error *err)
{
    struct lint lint;
    if (!lint_read(path, &lint, err))
        return false;
    bool is_good = check_entries(&lint, err);
    if (is_good) {
        cfg_t *cfg = parser_new();
        parse_error = err;
        cfg_set_error_function(cfg, keep_error);
        error_set(err, "malformed");
        is_good = cfg_parse_buf(cfg, lint.text) == CFG_SUCCESS
                      ? copy_values(cfg, &lint, values, err)
                      : error_prefix(err, "%s: ", path);
        parse_error = NULL;
        cfg_free(cfg);
    }
    values->files = lint.files;
    values->file_count = lint.file_count;
    lint.files = NULL;
    lint.file_count = 0;
    lint_clear(&lint);
    return is_good;
}
