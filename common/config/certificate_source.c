/*
 * certificate_source.c - see certificate_source.h. Pure.
 */
#include "common/config/certificate_source.h"

#include "common/base/memory.h"
#include "common/config/option_checks.h"

#include <stdlib.h>
#include <string.h>

#define ALLOWED \
    "allowed: traefik:FILE, certbot:DIR, pem:CERT,KEY, combined:FILE, " \
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

bool certificate_source_parse(const char *text, enum certificate_source *kind_r,
    char *paths_r[2], struct error *err)
{
    size_t len = strcspn(text, ":");
    if (text[len] == '\0' || !find_kind(text, len, kind_r))
        return error_set(err, "\"%s\" names no source; " ALLOWED, text);
    const char *path = text + len + 1;
    const char *comma = *kind_r == CERTIFICATE_PEM ? strchr(path, ',') : NULL;
    if (path[0] != '/' ||
        (*kind_r == CERTIFICATE_PEM && (comma == NULL || comma[1] != '/')))
        return error_set(err, "\"%s\" has no absolute path; " ALLOWED, text);
    paths_r[0] = xstrdup(path);
    paths_r[1] = NULL;
    if (comma != NULL) {
        paths_r[0][comma - path] = '\0';
        paths_r[1] = xstrdup(comma + 1);
    }
    return true;
}

bool option_check_source(const char *text, struct error *err)
{
    enum certificate_source kind;
    char *paths[2];
    if (*text == '\0')
        return true;
    if (!certificate_source_parse(text, &kind, paths, err))
        return false;
    free(paths[0]);
    free(paths[1]);
    return true;
}
