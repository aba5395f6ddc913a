/*
 * show.c - writes a snapshot as a tollgate.conf, and compares two of them.
 *
 * Works on the canonical texts of the values, so what it writes loads again
 * and means the same. Passwords are never written, not inside a URL either,
 * and therefore not in the hash: it cannot be used to guess one.
 */
#include "common/config/show.h"

#include "common/base/hex.h"
#include "common/base/http_url.h"
#include "common/config/option_checks.h"
#include "common/config/option_pairs.h"
#include "common/config/values.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN "(hidden)"

static void write_quoted(const char *text, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("\"\\$", text[i]) != NULL)
            fputc('\\', out);
        fputc(text[i], out);
    }
}

/* Of a webhook only where it is: its path is often its password. */
static bool write_webhook(const char *text, FILE *out)
{
    struct http_url url;
    struct error ignored;

    if (!http_url_is(text) || !http_url_parse(text, &url, &ignored) ||
        (url.credentials[0] == '\0' && strlen(url.path) <= 1))
        return false;
    fprintf(out, "\"%s/" HIDDEN "\"", url.origin);
    return true;
}

void show_text(const char *text, bool hides_password, FILE *out)
{
    size_t len = 0;
    const char *password =
        hides_password ? option_find_password(text, &len) : NULL;
    if (hides_password && write_webhook(text, out))
        return;
    fputc('"', out);
    if (password != NULL) {
        write_quoted(text, (size_t)(password - text), out);
        fputs(HIDDEN, out);
        text = password + len;
    }
    write_quoted(text, strlen(text), out);
    fputc('"', out);
}

static void write_text(const struct option *option, const char *text, FILE *out)
{
    if ((option->flags & OPTION_SECRET) != 0 && text[0] != '\0')
        fputs("\"" HIDDEN "\"", out);
    else
        show_text(text, true, out);
}

static void write_item(const struct option *option, const char *item, FILE *out)
{
    const char *value =
        option->type == OPTION_PAIRS ? option_pairs_text(item) : NULL;
    if (value == NULL) {
        write_text(option, item, out);
        return;
    }
    fprintf(out, "%.*s = ", (int)(value - item) - 1, item);
    write_text(option, value, out);
}

static void write_setting(
    const struct setting *setting, const char *indent, FILE *out)
{
    const struct option *option = setting->option;
    fprintf(out, "%s%s = ", indent, option->name);
    if (option_is_list(option)) {
        fputs("{ ", out);
        for (size_t i = 0; i < setting->count; i++) {
            write_item(option, setting->items[i], out);
            fputs(i + 1 < setting->count ? ", " : " ", out);
        }
        fputs("}\n", out);
        return;
    }
    if (option->type == OPTION_NUMBER || option->type == OPTION_BOOL)
        fputs(setting->items[0], out);
    else
        write_text(option, setting->items[0], out);
    fputc('\n', out);
}

static bool is_shown(const struct setting *setting,
    const struct setting *original, enum config_show what)
{
    bool has_value = setting->count > 0 || option_is_list(setting->option);
    if (!has_value)
        return false;
    return what != CONFIG_SHOW_CHANGED || !setting_is_same(setting, original);
}

static void write_section(const struct section *section,
    const struct section *original, enum config_show what, FILE *out)
{
    const struct option_section_kind *kind = &option_sections[section->kind];
    bool is_open = kind->name == NULL;
    const char *indent = is_open ? "" : "    ";
    if (section->title != NULL) {
        fprintf(out, "%s \"%s\" {\n", kind->name, section->title);
        is_open = true;
    }
    for (size_t i = 0; i < section->count; i++) {
        if (!is_shown(&section->settings[i], &original->settings[i], what))
            continue;
        if (!is_open)
            fprintf(out, "%s {\n", kind->name);
        is_open = true;
        write_setting(&section->settings[i], indent, out);
    }
    if (is_open && kind->name != NULL)
        fputs("}\n", out);
}

void config_show(const struct config *config, enum config_show what, FILE *out)
{
    struct values *defaults = values_new();
    values_add_section(defaults, SECTION_SERVICE, NULL, NULL);
    values_add_section(defaults, SECTION_LIMIT, NULL, NULL);
    values_add_section(defaults, SECTION_CERTIFICATE, NULL, NULL);
    const struct values *values =
        what == CONFIG_SHOW_DEFAULTS ? defaults : config->values;
    for (size_t i = 0; i < values->count; i++) {
        const struct section *section = &values->sections[i];
        if (values != defaults || !option_sections[section->kind].is_titled)
            write_section(
                section, values_section(defaults, section->kind), what, out);
    }
    values_free(&defaults);
}

void show_hash(const struct config *config, char hash_r[17])
{
    char *text = NULL;
    size_t len = 0;
    unsigned char digest[EVP_MAX_MD_SIZE];
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        abort();
    config_show(config, CONFIG_SHOW_ALL, out);
    if (fclose(out) != 0 ||
        EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    free(text);
    (void)hex_write(hash_r, digest, 8);
}

size_t config_restart_options(const struct config *old,
    const struct config *new, const char **names, size_t max)
{
    static const enum option_section sections[] = {
        SECTION_TOP, SECTION_POLICYD, SECTION_MILTER};
    size_t count = 0;
    for (size_t s = 0; s < sizeof sections / sizeof sections[0]; s++) {
        const struct section *a = values_section(old->values, sections[s]);
        const struct section *b = values_section(new->values, sections[s]);
        for (size_t i = 0; i < a->count && count < max; i++)
            if ((a->settings[i].option->flags & OPTION_AT_START) != 0 &&
                !setting_is_same(&a->settings[i], &b->settings[i]))
                names[count++] = a->settings[i].option->label;
    }
    return count;
}
