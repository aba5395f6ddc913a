/*
 * certificate_source.c - see certificate_source.h. Pure.
 */
#include "common/config/certificate_source.h"

#include "common/base/memory.h"
#include "common/config/option_checks.h"

#include <stdlib.h>
#include <string.h>

#define ALLOWED \
    "allowed: traefik:FILE or traefik:FILE#RESOLVER, certbot:DIR, " \
    "pem:CERT,KEY or pem:CERT,KEY,CHAIN, combined:FILE, " \
    "k8s:DIR, caddy:DIR, acme-companion:DIR, with absolute paths"

static const char *const kinds[CERTIFICATE_SOURCES] = {
    [CERTIFICATE_TRAEFIK] = "traefik",
    [CERTIFICATE_CERTBOT] = "certbot",
    [CERTIFICATE_PEM] = "pem",
    [CERTIFICATE_COMBINED] = "combined",
    [CERTIFICATE_K8S] = "k8s",
    [CERTIFICATE_CADDY] = "caddy",
    [CERTIFICATE_COMPANION] = "acme-companion",
};

static bool find_kind(
    const char *text, size_t len, enum certificate_source *kind_r)
{
    for (unsigned i = 0; i < CERTIFICATE_SOURCES; i++) {
        *kind_r = (enum certificate_source)i;
        if (strlen(kinds[i]) == len && memcmp(kinds[i], text, len) == 0)
            return true;
    }
    return false;
}

/* What separates the parts of a source, and how many parts it may have; a part
 * behind ',' is an absolute path too. */
static const struct {
    char separator;
    size_t least, most;
} parts_of[CERTIFICATE_SOURCES] = {
    [CERTIFICATE_TRAEFIK] = {'#', 1, 2},
    [CERTIFICATE_PEM] = {',', 2, CERTIFICATE_PATHS},
};

bool certificate_source_parse(const char *text, enum certificate_source *kind_r,
    char *paths_r[CERTIFICATE_PATHS], struct error *err)
{
    size_t len = strcspn(text, ":"), count = 0;

    for (size_t i = 0; i < CERTIFICATE_PATHS; i++)
        paths_r[i] = NULL;
    if (text[len] == '\0' || !find_kind(text, len, kind_r))
        return error_set(err, "\"%s\" names no source; " ALLOWED, text);
    char separator = parts_of[*kind_r].separator;
    size_t most = separator != '\0' ? parts_of[*kind_r].most : 1;
    bool is_good = true;
    for (const char *at = text + len + 1; at != NULL && count < most;) {
        const char *end = count + 1 < most ? strchr(at, separator) : NULL;
        is_good = is_good && *at != '\0' &&
                  (*at == '/' || (count > 0 && separator == '#'));
        paths_r[count] = xstrdup(at);
        if (end != NULL)
            paths_r[count][end - at] = '\0';
        count++;
        at = end != NULL ? end + 1 : NULL;
    }
    if (is_good && count >= parts_of[*kind_r].least)
        return true;
    certificate_source_clear(paths_r);
    return error_set(err, "\"%s\" has no absolute path; " ALLOWED, text);
}

void certificate_source_clear(char *paths[CERTIFICATE_PATHS])
{
    for (size_t i = 0; i < CERTIFICATE_PATHS; i++) {
        free(paths[i]);
        paths[i] = NULL;
    }
}

bool option_check_source(const char *text, struct error *err)
{
    enum certificate_source kind;
    char *paths[CERTIFICATE_PATHS];
    if (*text == '\0')
        return true;
    if (!certificate_source_parse(text, &kind, paths, err))
        return false;
    certificate_source_clear(paths);
    return true;
}
