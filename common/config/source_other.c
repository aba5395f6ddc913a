/*
 * source_other.c - reads values from the environment and from -o.
 *
 * Unknown TOLLGATE_ variables are not an error: Kubernetes makes its own for a
 * service that is called tollgate. Those that look like a known one misspelt
 * are warned about. An unknown -o is an error.
 */
#include "common/config/sources.h"

#include "common/base/alloc.h"
#include "common/base/nearest.h"
#include "common/config/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX (64 * 1024)

/* "TOLLGATE_STORE_PASSWORD" and a suffix; the caller frees. */
static char *variable_name(const char *option, const char *suffix)
{
    char *name = xprintf("TOLLGATE_%s%s", option, suffix);
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return name;
}

static bool assign_variable(struct setting *setting, const char *variable,
    const char *value, struct error *err)
{
    char *where = xprintf("environment %s", variable);
    bool is_good = setting_assign_text(setting, value, where, err);
    free(where);
    return is_good;
}

/* A file made by an editor or `docker secret` ends in a newline. */
static bool assign_file(struct setting *setting, const char *variable,
    const char *path, struct error *err)
{
    size_t len;
    char *value = text_file_read(path, VALUE_MAX, &len, err);
    if (value == NULL)
        return error_prefix(
            err, "environment %s: %s: ", variable, setting->option->label);
    while (len > 0 && (value[len - 1] == '\n' || value[len - 1] == '\r'))
        value[--len] = '\0';
    bool is_good = assign_variable(setting, variable, value, err);
    free(value);
    return is_good;
}

static bool read_variables(struct setting *setting, struct error *err)
{
    char *name = variable_name(setting->option->name, "");
    char *file_name = variable_name(setting->option->name, "_FILE");
    const char *value = getenv(name);
    const char *path = getenv(file_name);
    bool is_good = true;
    if (value != NULL && path != NULL)
        is_good = error_set(err,
            "environment %s: %s: set together with %s; "
            "allowed: one of them",
            name, setting->option->label, file_name);
    else if (value != NULL)
        is_good = assign_variable(setting, name, value, err);
    else if (path != NULL)
        is_good = assign_file(setting, file_name, path, err);
    free(name);
    free(file_name);
    return is_good;
}

bool source_read_environment(struct values *values, struct error *err)
{
    struct section *top = values_section(values, SECTION_TOP);
    for (size_t i = 0; i < top->count; i++)
        if (!read_variables(&top->settings[i], err))
            return false;
    return true;
}

/* The option that a variable names, or that it may have meant. */
static void try_variables(struct nearest *nearest, const struct section *top,
    char names[][VARIABLE_SIZE])
{
    size_t at = 0;

    for (size_t i = 0; i < top->count; i++) {
        static const char *const suffixes[] = {"", "_FILE"};
        for (size_t s = 0; s < 2; s++, at++) {
            char *name =
                variable_name(top->settings[i].option->name, suffixes[s]);
            snprintf(names[at], VARIABLE_SIZE, "%s", name);
            free(name);
            nearest_try(nearest, names[at]);
        }
    }
}

bool source_look_at_variable(const struct values *values, const char *variable,
    char *name_r, char *meant_r)
{
    const struct section *top = values_section(values, SECTION_TOP);
    char(*names)[VARIABLE_SIZE] = xcalloc(2 * top->count, sizeof *names);
    size_t len = strcspn(variable, "=");
    struct nearest nearest;
    bool is_meant = false;

    if (strncmp(variable, "TOLLGATE_", 9) == 0 && len < VARIABLE_SIZE) {
        memcpy(name_r, variable, len);
        name_r[len] = '\0';
        nearest_begin(&nearest, name_r);
        try_variables(&nearest, top, names);
        /* A quarter of the whole name would be too much: TOLLGATE_ counts. */
        is_meant = nearest.distance > 0 && nearest.distance <= 2;
        if (is_meant)
            memcpy(meant_r, nearest.best, strlen(nearest.best) + 1);
    }
    free(names);
    return is_meant;
}

bool source_read_override(
    const char *text, struct values *values, struct error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return error_set(
            err, "-o %.60s: malformed; allowed: -o NAME=VALUE", text);
    char *name = xprintf("%.*s", (int)(equals - text), text);
    const struct option *option = option_find_label(name);
    bool is_good;
    if (option == NULL) {
        struct nearest nearest;
        nearest_begin(&nearest, name);
        for (size_t i = 0; i < option_count; i++)
            if (!option_sections[options[i].section].is_titled)
                nearest_try(&nearest, options[i].label);
        const char *meant = nearest_word(&nearest);
        is_good = error_set(err,
            "-o %s: %s: no such option; %s%s%sallowed: names "
            "outside of sections, policyd.NAME and milter.NAME",
            name, name, meant != NULL ? "did you mean \"" : "",
            meant != NULL ? meant : "", meant != NULL ? "\"? " : "");
    } else {
        struct section *section = values_section(values, option->section);
        char *where = xprintf("-o %s", name);
        is_good = setting_assign_text(
            section_setting(section, option->name), equals + 1, where, err);
        free(where);
    }
    free(name);
    return is_good;
}
