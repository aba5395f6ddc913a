/*
 * look.c - gathers the candidates of one look at a source.
 *
 * A leaf that covers none of the names is left out before its key is looked
 * at: most entries of a shared acme.json are other people's business. Where
 * its bytes do not even hold a name, it is not read at all.
 */
#include "common/certs/source.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/certs/chain_build.h"
#include "common/certs/chain_names.h"
#include "common/certs/pem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void look_begin(struct look *look, const struct config_certificate *config)
{
    *look = (struct look){.config = config,
        .source = config->sources,
        .now_s = clock_wall_s(),
        .until_s = INT64_MAX};
}

void look_end_work(struct look *look)
{
    if (look->work != NULL)
        look->end_work(look->work);
    look->work = NULL;
}

void look_clear(struct look *look)
{
    look_end_work(look);
    for (size_t i = 0; i < look->count; i++) {
        chain_free(&look->items[i].chain);
        free(look->items[i].problem);
        free(look->items[i].where);
    }
    free(look->items);
    free(look->failure);
    free(look->absence);
    file_paths_clear(&look->paths);
    *look = (struct look){0};
}

void look_fail(struct look *look, const char *format, ...)
{
    char text[sizeof((struct error *)0)->text];
    va_list args;

    if (look->failure != NULL)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    look->failure = xstrdup(len < 0 ? "cannot be read" : text);
}

void look_miss(struct look *look, const char *problem, int64_t changed_s)
{
    int64_t age_s = look->now_s - changed_s;

    if (look->absence == NULL)
        look->absence = xstrdup(problem);
    if (age_s >= 0 && age_s < LOOK_MAKING_S)
        look->is_in_making = true;
}

static struct candidate *add_candidate(struct look *look, const char *where)
{
    if (look->count == CANDIDATES_MAX) {
        look_fail(look, "%s: more than %d entries for one name", where,
            CANDIDATES_MAX);
        return NULL;
    }
    if (look->items == NULL)
        look->items = xcalloc(CANDIDATES_MAX, sizeof *look->items);
    struct candidate *candidate = &look->items[look->count++];
    candidate->where = xstrdup(where);
    if (look->config != NULL)
        candidate->source = (size_t)(look->source - look->config->sources);
    return candidate;
}

void look_add_problem(struct look *look, const char *problem)
{
    struct candidate *candidate = add_candidate(look, problem);
    if (candidate == NULL)
        return;
    candidate->problem = xstrdup(problem);
    candidate->is_for_us = true;
}

/* What can be said of certificates whose key has not been looked at. */
struct leaf {
    bool is_read;   /* one of them has names */
    bool is_wanted; /* one of them covers a name of ours */
    int64_t issued_at;
};

static bool covers_any(X509 *certificate, char *const *names, bool *has_names_r)
{
    struct chain chain = {0};
    struct error ignored;
    bool covers = false;

    *has_names_r = chain_names_take(certificate, &chain.names, &ignored);
    for (; *has_names_r && *names != NULL; names++)
        covers = covers || chain_covers(&chain, *names);
    chain_names_free(&chain.names);
    return covers;
}

static void note_date(struct look *look, const ASN1_TIME *date)
{
    int64_t at_s;

    if (chain_read_time(date, &at_s) && at_s > look->now_s &&
        at_s < look->until_s)
        look->until_s = at_s;
}

static struct leaf leaf_of(
    struct look *look, const struct file_text *certificates, char *const *names)
{
    struct leaf leaf = {0};
    struct pem_certificates pool;
    struct error ignored;

    if (!pem_read_certificates(
            certificates->bytes, certificates->len, &pool, &ignored))
        return leaf;
    for (size_t i = 0; i < pool.count && !leaf.is_wanted; i++) {
        bool has_names;
        leaf.is_wanted = covers_any(pool.items[i], names, &has_names);
        leaf.is_read = leaf.is_read || has_names;
        if (has_names)
            (void)chain_read_time(
                X509_get0_notBefore(pool.items[i]), &leaf.issued_at);
    }
    for (size_t i = 0; i < pool.count; i++) {
        note_date(look, X509_get0_notBefore(pool.items[i]));
        note_date(look, X509_get0_notAfter(pool.items[i]));
    }
    pem_clear_certificates(&pool);
    return leaf;
}

/* issued_at: of its certificate, should the key not fit; 0: unknown. */
static void add_key(struct look *look, const char *where,
    const struct chain_text *text, int64_t issued_at)
{
    struct error err;
    struct candidate *candidate = add_candidate(look, where);

    if (candidate == NULL)
        return;
    candidate->is_for_us = true;
    candidate->chain = chain_new(text, &err);
    candidate->issued_at =
        candidate->chain != NULL ? candidate->chain->issued_at : issued_at;
    if (candidate->chain == NULL)
        candidate->problem = xprintf("%s: %s", where, err.text);
}

void look_add(struct look *look, char *const *names, const char *where,
    const struct file_text *certificates, const struct file_text *key,
    bool claimed)
{
    struct chain_text text = {
        .certificates = certificates->bytes,
        .certificates_len = certificates->len,
        .key = key->bytes,
        .key_len = key->len,
        .now_s = look->now_s,
    };

    if (!claimed &&
        !pem_may_cover(certificates->bytes, certificates->len, names))
        return;
    struct leaf leaf = leaf_of(look, certificates, names);
    if (leaf.is_read ? !leaf.is_wanted : !claimed)
        return;
    size_t keys = pem_count_keys(key->bytes, key->len);
    do
        add_key(look, where, &text, keys > 1 ? 0 : leaf.issued_at);
    while (++text.key_number < keys);
}

bool look_is_for_us(const struct look *look, const char *name, size_t len)
{
    for (char **wanted = look->config->names; *wanted != NULL; wanted++)
        if (strlen(*wanted) == len && memcmp(*wanted, name, len) == 0)
            return true;
    return false;
}

enum { CERTIFICATES, KEY, CHAIN, FILES };

/* One file of a look_files. */
struct part {
    const char *path; /* NULL: there is none */
    enum file_result result;
    struct file_text text;
    struct error err;
};

static bool is_claimed(enum look_claim claim, const struct part parts[FILES])
{
    return claim == LOOK_CLAIMED ||
           (claim == LOOK_IF_BEGUN &&
               (parts[CERTIFICATES].result != FILE_ABSENT ||
                   parts[KEY].result != FILE_ABSENT));
}

static bool has_any(const struct part parts[FILES], enum file_result result)
{
    for (size_t i = 0; i < FILES; i++)
        if (parts[i].path != NULL && parts[i].result == result)
            return true;
    return false;
}

/* None of the files holds anything. */
static void miss(struct look *look, const struct part parts[FILES])
{
    int64_t changed_s = 0;

    for (size_t i = 0; i < FILES; i++)
        if (parts[i].text.changed_s > changed_s)
            changed_s = parts[i].text.changed_s;
    look_miss(look, parts[CERTIFICATES].err.text, changed_s);
}

static void add_unread(
    struct look *look, enum look_claim claim, const struct part parts[FILES])
{
    const struct part *first = parts;
    bool is_for_us = is_claimed(claim, parts);
    bool is_forbidden = has_any(parts, FILE_FORBIDDEN);

    while (first->result == FILE_READ)
        first++;
    if (!is_for_us && !is_forbidden)
        return;
    if (!is_forbidden && !has_any(parts, FILE_READ) &&
        !has_any(parts, FILE_BROKEN)) {
        miss(look, parts);
        return;
    }
    struct candidate *candidate = add_candidate(look, first->path);
    if (candidate == NULL)
        return;
    candidate->problem = xstrdup(first->err.text);
    candidate->is_for_us = is_for_us;
}

static bool read_part(struct look *look, struct part *part)
{
    part->result = part->path == NULL
                       ? FILE_READ
                       : file_read(&look->paths, part->path, SOURCE_PEM_MAX,
                             &part->text, &part->err);
    return part->result == FILE_READ;
}

static void append(struct file_text *text, const struct file_text *more)
{
    struct file_text both = {.len = text->len + 1 + more->len};

    both.bytes = xcalloc(1, both.len + 1);
    memcpy(both.bytes, text->bytes, text->len);
    both.bytes[text->len] = '\n';
    memcpy(both.bytes + text->len + 1, more->bytes, more->len);
    file_text_clear(text);
    *text = both;
}

static void add_read(struct look *look, char *const *names,
    struct part parts[FILES], enum look_claim claim)
{
    const char *path = parts[CERTIFICATES].path;
    bool is_pair = parts[KEY].path != NULL;
    char *where =
        is_pair ? xprintf("%s and %s", path, parts[KEY].path) : xstrdup(path);

    if (parts[CHAIN].path != NULL)
        append(&parts[CERTIFICATES].text, &parts[CHAIN].text);
    look_add(look, names, where, &parts[CERTIFICATES].text,
        &parts[is_pair ? KEY : CERTIFICATES].text, claim != LOOK_UNCLAIMED);
    free(where);
}

void look_add_files(struct look *look, char *const *names,
    const struct look_files *files, enum look_claim claim)
{
    bool is_pair = strcmp(files->certificates, files->key) != 0;
    struct part parts[FILES] = {
        [CERTIFICATES] = {.path = files->certificates},
        [KEY] = {.path = is_pair ? files->key : NULL},
        [CHAIN] = {.path = files->chain},
    };
    bool is_read = true;

    for (size_t i = 0; i < FILES; i++)
        is_read = read_part(look, &parts[i]) && is_read;
    if (is_read)
        add_read(look, names, parts, claim);
    else
        add_unread(look, claim, parts);
    for (size_t i = 0; i < FILES; i++)
        file_text_clear(&parts[i].text);
}

void look_add_pair(struct look *look, const char *folder,
    const char *certificates, const char *key, enum look_claim claim)
{
    char *certificates_path = xprintf("%s/%s", folder, certificates);
    char *key_path = xprintf("%s/%s", folder, key);

    look_add_files(look, look->config->names,
        &(struct look_files){
            .certificates = certificates_path, .key = key_path},
        claim);
    free(certificates_path);
    free(key_path);
}
