/*
 * source_traefik.c - Traefik's acme.json, of versions 1, 2 and 3.
 *
 * Versions 2 and 3 have a resolver's name above {Account, Certificates};
 * version 1 has those at the top, with keys that begin in upper case; Go
 * reads keys in either case, so both are taken everywhere. The key-value
 * stores of version 1 had another shape and are refused by name.
 * No text of the JSON parser is passed on: it may quote a key.
 *
 * Source: Traefik, pkg/provider/acme/{store,local_store,provider}.go.
 */
#include "common/certs/source.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct acme {
    const struct config_certificate *config;
    struct look *look;
    const char *path;
    size_t entries;
};

static json_t *member(json_t *object, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach(
        object, key, value) if (strcasecmp(key, name) == 0) return value;
    return NULL;
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(member(object, name));
    return text != NULL ? text : "";
}

static bool is_wanted(const struct acme *acme, const char *claimed)
{
    char folded[256];
    size_t len = strlen(claimed);

    if (len >= sizeof folded)
        return false;
    for (size_t i = 0; i <= len; i++)
        folded[i] = claimed[i] >= 'A' && claimed[i] <= 'Z'
                        ? (char)(claimed[i] - 'A' + 'a')
                        : claimed[i];
    for (char **name = acme->config->names; *name != NULL; name++)
        if (chain_name_matches(folded, *name))
            return true;
    return false;
}

/* What the entry says it is for. */
static bool is_claimed(const struct acme *acme, json_t *entry)
{
    json_t *domain = member(entry, "domain"), *name;
    size_t i;
    bool is = is_wanted(acme, text_of(domain, "main"));

    json_array_foreach(
        member(domain, "sans"), i, name) if (json_is_string(name)) is =
        is || is_wanted(acme, json_string_value(name));
    return is;
}

static bool decode(const char *base64, struct file_text *text_r)
{
    size_t len = strlen(base64);

    *text_r = (struct file_text){0};
    if (len == 0 || len > SOURCE_PEM_MAX || len % 4 != 0)
        return false;
    text_r->bytes = xcalloc(1, len / 4 * 3 + 1);
    int got = EVP_DecodeBlock((unsigned char *)text_r->bytes,
        (const unsigned char *)base64, (int)len);
    if (got <= 0)
        return false;
    size_t padding =
        (size_t)(base64[len - 1] == '=') + (size_t)(base64[len - 2] == '=');
    text_r->len = (size_t)got - padding;
    return true;
}

static void add_entry(struct acme *acme, const char *where, json_t *entry)
{
    struct file_text certificates, key;
    bool claimed = is_claimed(acme, entry);
    bool is_read = decode(text_of(entry, "certificate"), &certificates);
    bool has_key = decode(text_of(entry, "key"), &key);

    if (is_read) {
        if (!has_key) {
            free(key.bytes);
            key = (struct file_text){.bytes = xcalloc(1, 1)};
        }
        look_add(acme->look, acme->config->names, where, &certificates, &key,
            claimed);
    } else if (claimed) {
        char *problem = xprintf("%s: certificate is not base64", where);
        look_add_problem(acme->look, problem);
        free(problem);
    }
    file_text_clear(&certificates);
    file_text_clear(&key);
}

static void add_entries(
    struct acme *acme, const char *resolver, json_t *entries)
{
    size_t i;
    json_t *entry;
    char main[128];

    json_array_foreach(entries, i, entry)
    {
        if (acme->entries++ >= SOURCE_ENTRIES_MAX) {
            look_fail(acme->look, "%s: more than %d certificates", acme->path,
                SOURCE_ENTRIES_MAX);
            return;
        }
        const char *name = text_of(member(entry, "domain"), "main");
        log_escape(main, sizeof main, name, strlen(name));
        char *where = xprintf("%s: %s%scertificate %zu (%s)", acme->path,
            resolver, resolver[0] != '\0' ? ": " : "", i + 1, main);
        add_entry(acme, where, entry);
        free(where);
    }
}

static void add_resolvers(struct acme *acme, json_t *top)
{
    const char *key;
    json_t *value;
    char resolver[128];

    json_object_foreach(top, key, value)
    {
        log_escape(resolver, sizeof resolver, key, strlen(key));
        json_t *entries = member(value, "certificates");
        if (json_is_array(entries))
            add_entries(acme, resolver, entries);
        else if (entries != NULL && !json_is_null(entries))
            look_fail(acme->look, "%s: %s: Certificates is no list", acme->path,
                resolver);
    }
}

static void add_all(struct acme *acme, json_t *top)
{
    json_t *certificates = member(top, "certificates");

    if (!json_is_object(top))
        look_fail(acme->look, "%s: not an acme.json", acme->path);
    else if (member(top, "domainscertificate") != NULL)
        look_fail(acme->look,
            "%s: from a key-value store of Traefik 1, which is not supported",
            acme->path);
    else if (json_is_array(certificates))
        add_entries(acme, "", certificates);
    else
        add_resolvers(acme, top);
}

void source_traefik(const struct config_certificate *config, struct look *look)
{
    struct acme acme = {
        .config = config, .look = look, .path = config->paths[0]};
    struct file_text text;
    struct error err;
    json_error_t where;

    if (!file_read(&look->paths, acme.path, SOURCE_JSON_MAX, &text, &err)) {
        look_fail(look, "%s", err.text);
        return;
    }
    json_t *top = json_loadb(text.bytes, text.len, 0, &where);
    if (top == NULL)
        look_fail(look, "%s: line %d, column %d: malformed or cut off JSON",
            acme.path, where.line, where.column);
    else
        add_all(&acme, top);
    json_decref(top);
    file_text_clear(&text);
}
