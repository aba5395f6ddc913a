/*
 * look.c - gathers the candidates of one look at a source.
 *
 * A leaf that covers none of the names is left out before its key is looked
 * at: most entries of a shared acme.json are other people's business. Where
 * its bytes do not even hold a name, it is not read at all.
 */
#include "common/certs/source.h"

#include "common/base/memory.h"
#include "common/certs/chain_names.h"
#include "common/certs/pem.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void look_begin(struct look *look, const struct config_certificate *config)
{
    *look = (struct look){.config = config};
}

void look_clear(struct look *look)
{
    if (look->work != NULL)
        look->end_work(look->work);
    for (size_t i = 0; i < look->count; i++) {
        chain_free(&look->items[i].chain);
        free(look->items[i].problem);
        free(look->items[i].where);
    }
    free(look->items);
    free(look->failure);
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
    return candidate;
}

void look_add_problem(struct look *look, const char *problem)
{
    struct candidate *candidate = add_candidate(look, problem);
    if (candidate != NULL)
        candidate->problem = xstrdup(problem);
}

struct leaf {
    bool is_read;
    bool is_wanted;
    int64_t ends_at;
};

static struct leaf leaf_of(
    const struct file_text *certificates, char *const *names)
{
    struct leaf leaf = {0};
    struct chain chain = {0};
    struct error ignored;
    struct tm tm;
    X509 *certificate = pem_read_leaf(certificates->bytes, certificates->len);

    leaf.is_read = certificate != NULL &&
                   chain_names_take(certificate, &chain.names, &ignored);
    for (; leaf.is_read && *names != NULL; names++)
        leaf.is_wanted = leaf.is_wanted || chain_covers(&chain, *names);
    if (certificate != NULL &&
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1)
        leaf.ends_at = (int64_t)timegm(&tm);
    chain_names_free(&chain.names);
    X509_free(certificate);
    ERR_clear_error();
    return leaf;
}

void look_add(struct look *look, char *const *names, const char *where,
    const struct file_text *certificates, const struct file_text *key,
    bool claimed)
{
    struct error err;

    if (!claimed &&
        !pem_may_cover(certificates->bytes, certificates->len, names))
        return;
    struct leaf leaf = leaf_of(certificates, names);
    if (leaf.is_read ? !leaf.is_wanted : !claimed)
        return;
    struct candidate *candidate = add_candidate(look, where);
    if (candidate == NULL)
        return;
    candidate->leaf_ends_at = leaf.ends_at;
    candidate->chain = chain_new(
        certificates->bytes, certificates->len, key->bytes, key->len, &err);
    if (candidate->chain == NULL)
        candidate->problem = xprintf("%s: %s", where, err.text);
}

void look_add_files(struct look *look, char *const *names,
    const char *certificates_path, const char *key_path, bool claimed)
{
    struct file_text certificates, key = {0};
    struct error err;
    bool is_pair = strcmp(certificates_path, key_path) != 0;

    bool is_read = file_read(
        &look->paths, certificates_path, SOURCE_PEM_MAX, &certificates, &err);
    if (is_pair)
        is_read = file_read(&look->paths, key_path, SOURCE_PEM_MAX, &key,
                      is_read ? &err : &(struct error){{0}}) &&
                  is_read;
    if (is_read) {
        char *where = is_pair
                          ? xprintf("%s and %s", certificates_path, key_path)
                          : xstrdup(certificates_path);
        look_add(look, names, where, &certificates,
            is_pair ? &key : &certificates, claimed);
        free(where);
    } else if (claimed) {
        look_add_problem(look, err.text);
    }
    file_text_clear(&certificates);
    file_text_clear(&key);
}
