/*
 * show.c - writes a snapshot as a tollgate.conf, and compares two of them.
 *
 * Works on the canonical texts of the values, so what it writes loads again
 * and means the same. Passwords are never written, not inside a URL either,
 * and therefore not in the hash: it cannot be used to guess one. Whether one
 * has changed, config_is_same tells.
 */
#include "common/config/show.h"

#include "common/base/alloc.h"
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

/* Of a webhook only where it is: its path is often its password. NULL: there
 * is nothing to hide. What cannot be taken apart is hidden whole. */
static char *hide_webhook(const char *text)
{
    struct http_url url;
    struct error ignored;

    if (!http_url_parse(text, &url, &ignored))
        return xprintf(
            "%.*s://" HIDDEN, (int)(strstr(text, "://") - text), text);
    return url.credentials[0] == '\0' && strlen(url.path) <= 1
               ? NULL
               : xprintf("%s/" HIDDEN, url.origin);
}

/* Where a URL of http begins in a text; NULL: there is none. */
static const char *find_webhook(const char *text)
{
    while (*text != '\0' && !http_url_is(text))
        text++;
    return *text != '\0' ? text : NULL;
}

static char *hide_password(const char *text)
{
    size_t len = 0;
    const char *password = option_find_password(text, &len);

    return password == NULL ? xstrdup(text)
                            : xprintf("%.*s" HIDDEN "%s",
                                  (int)(password - text), text, password + len);
}

char *show_hidden(const struct option *option, const char *item)
{
    const char *url = option->type == OPTION_ARGV ? find_webhook(item) : NULL;
    char *hidden = url != NULL ? hide_webhook(url) : NULL;

    if ((option->flags & OPTION_SECRET) != 0 && item[0] != '\0')
        return xstrdup(HIDDEN);
    if (hidden == NULL)
        return url != NULL ? xstrdup(item) : hide_password(item);
    char *text = xprintf("%.*s%s", (int)(url - item), item, hidden);
    free(hidden);
    return text;
}

void show_text(const char *text, bool hides_password, FILE *out)
{
    char *hidden = hides_password ? hide_password(text) : xstrdup(text);

    fputc('"', out);
    write_quoted(hidden, strlen(hidden), out);
    fputc('"', out);
    free(hidden);
}

static void write_text(const struct option *option, const char *text, FILE *out)
{
    char *hidden = show_hidden(option, text);

    show_text(hidden, false, out);
    free(hidden);
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

bool config_is_same(const struct config *old, const struct config *new)
{
    const struct values *a = old->values, *b = new->values;
    bool is_same = a->count == b->count;

    for (size_t i = 0; is_same && i < a->count; i++) {
        const struct section *x = &a->sections[i], *y = &b->sections[i];
        is_same = x->kind == y->kind &&
                  (x->title == NULL || strcmp(x->title, y->title) == 0);
        for (size_t s = 0; is_same && s < x->count; s++)
            is_same = setting_is_same(&x->settings[s], &y->settings[s]);
    }
    return is_same;
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
