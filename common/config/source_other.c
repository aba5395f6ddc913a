/*
 * source_other.c - reads values from the environment and from -o.
 *
 * Unknown TOLLGATE_ variables are not an error: Kubernetes makes its own for a
 * service that is called tollgate. An unknown -o is one.
 */
#include "common/config/sources.h"

#include "common/base/memory.h"
#include "common/config/text_file.h"

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
        is_good = error_set(err,
            "-o %s: %s: no such option; allowed: names "
            "outside of sections, policyd.NAME and milter.NAME",
            name, name);
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
