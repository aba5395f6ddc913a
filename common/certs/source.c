/*
 * source.c - see source.h. The kinds whose place is fixed by their path; the
 * others have files of their own.
 */
#include "common/certs/source.h"

#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

static void look_at_pair(const struct config_certificate *config,
    struct look *look, const char *certificate, const char *key)
{
    char *certificate_path = xprintf("%s/%s", config->paths[0], certificate);
    char *key_path = xprintf("%s/%s", config->paths[0], key);

    look_add_files(look, config->names, certificate_path, key_path, true);
    free(certificate_path);
    free(key_path);
}

/* Certbot's live/NAME, Synology's, and whatever is placed by hand. */
static void source_certbot(
    const struct config_certificate *config, struct look *look)
{
    look_at_pair(config, look, "fullchain.pem", "privkey.pem");
}

/* A mounted secret of type kubernetes.io/tls; the kubelet changes both files
 * at once by renaming the link ..data. */
static void source_k8s(
    const struct config_certificate *config, struct look *look)
{
    look_at_pair(config, look, "tls.crt", "tls.key");
}

static void source_pem(
    const struct config_certificate *config, struct look *look)
{
    look_add_files(
        look, config->names, config->paths[0], config->paths[1], true);
}

static void source_combined(
    const struct config_certificate *config, struct look *look)
{
    look_add_files(
        look, config->names, config->paths[0], config->paths[0], true);
}

void source_look(const struct config_certificate *config, struct look *look_r)
{
    static void (*const kinds[CERTIFICATE_SOURCES])(
        const struct config_certificate *, struct look *) = {
        [CERTIFICATE_TRAEFIK] = source_traefik,
        [CERTIFICATE_CERTBOT] = source_certbot,
        [CERTIFICATE_PEM] = source_pem,
        [CERTIFICATE_COMBINED] = source_combined,
        [CERTIFICATE_K8S] = source_k8s,
        [CERTIFICATE_CADDY] = source_caddy,
        [CERTIFICATE_COMPANION] = source_companion,
    };

    *look_r = (struct look){0};
    kinds[config->kind](config, look_r);
}
