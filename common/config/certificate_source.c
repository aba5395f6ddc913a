/*
 * certificate_source.c - see certificate_source.h. Pure.
 */
#include "common/config/certificate_source.h"

#include "common/base/alloc.h"
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

bool certificate_source_parse(const char *text,
    struct config_certificate_source *source_r, struct error *err)
{
    size_t len = strcspn(text, ":"), count = 0;

    *source_r = (struct config_certificate_source){.paths = {NULL}};
    if (text[len] == '\0' || !find_kind(text, len, &source_r->kind))
        return error_set(err, "\"%s\" names no source; " ALLOWED, text);
    char separator = parts_of[source_r->kind].separator;
    size_t most = separator != '\0' ? parts_of[source_r->kind].most : 1;
    bool is_good = true;
    for (const char *at = text + len + 1; at != NULL && count < most;) {
        const char *end = count + 1 < most ? strchr(at, separator) : NULL;
        is_good = is_good && *at != '\0' &&
                  (*at == '/' || (count > 0 && separator == '#'));
        source_r->paths[count] = xstrdup(at);
        if (end != NULL)
            source_r->paths[count][end - at] = '\0';
        count++;
        at = end != NULL ? end + 1 : NULL;
    }
    if (is_good && count >= parts_of[source_r->kind].least)
        return true;
    certificate_source_clear(source_r);
    return error_set(err, "\"%s\" has no absolute path; " ALLOWED, text);
}

void certificate_source_clear(struct config_certificate_source *source)
{
    for (size_t i = 0; i < CERTIFICATE_PATHS; i++) {
        free(source->paths[i]);
        source->paths[i] = NULL;
    }
}

bool option_check_source(const char *text, struct error *err)
{
    struct config_certificate_source source;
    if (*text == '\0')
        return true;
    if (!certificate_source_parse(text, &source, err))
        return false;
    certificate_source_clear(&source);
    return true;
}
