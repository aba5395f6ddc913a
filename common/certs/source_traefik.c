/*
 * source_traefik.c - Traefik's acme.json, of versions 1, 2 and 3.
 *
 * Versions 2 and 3 have a resolver's name above {Account, Certificates}; the
 * source may name the one that counts ("#RESOLVER"), since Traefik renews the
 * certificates of each resolver that it knows, of one for tests too;
 * version 1 has those at the top, with keys that begin in upper case; Go
 * reads keys in either case, so both are taken everywhere. The key-value
 * stores of version 1 had another shape and are refused by name.
 * No text of the JSON parser is passed on: it may quote a key.
 *
 * The text is taken apart in pieces, its frame is parsed, then one
 * certificate a step.
 *
 * Source: Traefik, pkg/provider/acme/{store,local_store,provider}.go.
 */
#include "common/certs/source.h"

#include "common/base/alloc.h"
#include "common/base/ascii.h"
#include "common/base/log.h"
#include "common/certs/json_split.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPLIT_BYTES (256u << 10) /* a step */

/* A certificate of the frame. */
struct acme_entry {
    const char *resolver; /* "" in version 1 */
    size_t number;        /* of its resolver's, from 1 */
    size_t object;        /* of the split */
};

struct acme {
    struct look *look;
    const char *path;
    struct file_text text;
    struct json_split split;
    json_t *frame; /* NULL: the text is still being split */
    struct acme_entry *entries;
    size_t count, done;
};

static json_t *member(json_t *object, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
        if (strcasecmp(key, name) == 0)
            return value;
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
        folded[i] = ascii_fold(claimed[i]);
    for (char **name = acme->look->config->names; *name != NULL; name++)
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

    json_array_foreach(member(domain, "sans"), i, name)
        if (json_is_string(name))
            is = is || is_wanted(acme, json_string_value(name));
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
        look_add(acme->look, acme->look->config->names, where, &certificates,
            &key, claimed);
    } else if (claimed) {
        char *problem = xprintf("%s: certificate is not base64", where);
        look_add_problem(acme->look, problem);
        free(problem);
    }
    file_text_clear(&certificates);
    file_text_clear(&key);
}

static void look_at_entry(struct acme *acme, const struct acme_entry *one)
{
    const struct json_split_object *object = &acme->split.objects[one->object];
    char main[128], resolver[128];
    json_t *entry = NULL;

    if (object->len <= SOURCE_ENTRY_MAX)
        entry = json_loadb(acme->text.bytes + object->at, object->len, 0, NULL);
    const char *name = text_of(member(entry, "domain"), "main");
    log_escape(main, sizeof main, name, strlen(name));
    log_escape(resolver, sizeof resolver, one->resolver, strlen(one->resolver));
    char *where = xprintf("%s: %s%scertificate %zu (%s)", acme->path, resolver,
        resolver[0] != '\0' ? ": " : "", one->number, main);
    if (entry != NULL)
        add_entry(acme, where, entry);
    else
        look_fail(acme->look, "%s: malformed JSON, or longer than %u bytes",
            where, SOURCE_ENTRY_MAX);
    free(where);
    json_decref(entry);
}

static void list_entries(
    struct acme *acme, const char *resolver, json_t *entries)
{
    size_t i;
    json_t *mark;

    /* An object in a list is always a mark of the split, each is there once. */
    json_array_foreach(entries, i, mark)
        if (json_is_object(mark))
            acme->entries[acme->count++] = (struct acme_entry){
                .resolver = resolver,
                .number = i + 1,
                .object = (size_t)json_integer_value(json_object_get(mark, "")),
            };
}

static void list_resolvers(struct acme *acme)
{
    const char *resolver, *wanted = acme->look->source->paths[1];
    json_t *value;

    if (wanted != NULL && json_object_get(acme->frame, wanted) == NULL)
        look_fail(
            acme->look, "%s: no resolver \"%s\" in it", acme->path, wanted);
    json_object_foreach(acme->frame, resolver, value) {
        json_t *entries = member(value, "certificates");
        if (wanted != NULL && strcmp(resolver, wanted) != 0)
            continue;
        if (json_is_array(entries))
            list_entries(acme, resolver, entries);
        else if (entries != NULL && !json_is_null(entries))
            look_fail(acme->look, "%s: a resolver's Certificates is no list",
                acme->path);
    }
}

static void list_all(struct acme *acme)
{
    json_t *certificates = member(acme->frame, "certificates");

    if (!json_is_object(acme->frame))
        look_fail(acme->look, "%s: not an acme.json", acme->path);
    else if (member(acme->frame, "domainscertificate") != NULL)
        look_fail(acme->look,
            "%s: from a key-value store of Traefik 1, which is not supported",
            acme->path);
    else if (json_is_array(certificates))
        list_entries(acme, "", certificates);
    else
        list_resolvers(acme);
}

static void acme_end(void *context)
{
    struct acme *acme = context;

    json_decref(acme->frame);
    json_split_clear(&acme->split);
    file_text_clear(&acme->text);
    free(acme->entries);
    free(acme);
}

static bool acme_begin(struct look *look)
{
    struct acme *acme = xcalloc(1, sizeof *acme);
    struct error err;

    look->work = acme;
    look->end_work = acme_end;
    acme->look = look;
    acme->path = look->source->paths[0];
    enum file_result result =
        file_read(&look->paths, acme->path, SOURCE_JSON_MAX, &acme->text, &err);
    if (result == FILE_ABSENT || result == FILE_EMPTY)
        look_miss(look, err.text, acme->text.changed_s);
    else if (result != FILE_READ)
        look_fail(look, "%s", err.text);
    if (result != FILE_READ)
        return false;
    json_split_init(
        &acme->split, acme->text.bytes, acme->text.len, SOURCE_ENTRIES_MAX);
    return true;
}

static bool acme_split(struct acme *acme)
{
    struct json_split *split = &acme->split;
    enum json_split_result result = json_split_step(split, SPLIT_BYTES);

    if (result == JSON_SPLIT_MORE)
        return true;
    if (result == JSON_SPLIT_DONE)
        acme->frame = json_loadb(split->frame, split->frame_len, 0, NULL);
    if (acme->frame == NULL) {
        if (split->count == SOURCE_ENTRIES_MAX)
            look_fail(acme->look, "%s: more than %d certificates", acme->path,
                SOURCE_ENTRIES_MAX);
        else
            look_fail(acme->look, "%s: malformed or cut off JSON", acme->path);
        return false;
    }
    acme->entries = xcalloc(split->count + 1, sizeof *acme->entries);
    list_all(acme);
    return true;
}

bool source_traefik(struct look *look)
{
    struct acme *acme = look->work;

    if (acme == NULL)
        return acme_begin(look);
    if (acme->frame == NULL)
        return acme_split(acme);
    if (acme->done == acme->count)
        return false;
    look_at_entry(acme, &acme->entries[acme->done++]);
    return true;
}
