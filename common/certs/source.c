/*
 * source.c - see source.h. The kinds whose place is fixed by their path; the
 * others have files of their own.
 */
#include "common/certs/source.h"

#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool look_at_pair(
    struct look *look, const char *certificate, const char *key)
{
    const struct config_certificate *config = look->config;
    char *certificate_path = xprintf("%s/%s", config->paths[0], certificate);
    char *key_path = xprintf("%s/%s", config->paths[0], key);

    look_add_files(look, config->names,
        &(struct look_files){.certificates = certificate_path, .key = key_path},
        LOOK_CLAIMED);
    free(certificate_path);
    free(key_path);
    return false;
}

/* A mounted secret of type kubernetes.io/tls; the kubelet changes both files
 * at once by renaming the link ..data. */
static bool source_k8s(struct look *look)
{
    return look_at_pair(look, "tls.crt", "tls.key");
}

static bool source_pem(struct look *look)
{
    const struct config_certificate *config = look->config;

    look_add_files(look, config->names,
        &(struct look_files){.certificates = config->paths[0],
            .key = config->paths[1],
            .chain = config->paths[2]},
        LOOK_CLAIMED);
    return false;
}

static bool source_combined(struct look *look)
{
    const struct config_certificate *config = look->config;

    look_add_files(look, config->names,
        &(struct look_files){
            .certificates = config->paths[0], .key = config->paths[0]},
        LOOK_CLAIMED);
    return false;
}

bool look_step(struct look *look)
{
    static bool (*const kinds[CERTIFICATE_SOURCES])(struct look *) = {
        [CERTIFICATE_TRAEFIK] = source_traefik,
        [CERTIFICATE_CERTBOT] = source_certbot,
        [CERTIFICATE_PEM] = source_pem,
        [CERTIFICATE_COMBINED] = source_combined,
        [CERTIFICATE_K8S] = source_k8s,
        [CERTIFICATE_CADDY] = source_caddy,
        [CERTIFICATE_COMPANION] = source_companion,
    };

    return kinds[look->config->kind](look);
}
