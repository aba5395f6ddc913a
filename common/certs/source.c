/*
 * source.c - see source.h. The kinds whose place is fixed by their path; the
 * others have files of their own.
 */
#include "common/certs/source.h"

/* A mounted secret of type kubernetes.io/tls; the kubelet changes both files
 * at once by renaming the link ..data. */
static bool source_k8s(struct look *look)
{
    look_add_pair(
        look, look->source->paths[0], "tls.crt", "tls.key", LOOK_CLAIMED);
    return false;
}

static bool source_pem(struct look *look)
{
    char *const *paths = look->source->paths;

    look_add_files(look, look->config->names,
        &(struct look_files){
            .certificates = paths[0], .key = paths[1], .chain = paths[2]},
        LOOK_CLAIMED);
    return false;
}

static bool source_combined(struct look *look)
{
    const char *path = look->source->paths[0];

    look_add_files(look, look->config->names,
        &(struct look_files){.certificates = path, .key = path}, LOOK_CLAIMED);
    return false;
}

/* True: there is one, and it is looked at from now on. */
static bool turn_to_next(struct look *look)
{
    const struct config_certificate_source *sources = look->config->sources;
    size_t next = (size_t)(look->source - sources) + 1;

    if (next == look->config->source_count)
        return false;
    look_end_work(look);
    look->source = &sources[next];
    return true;
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

    return kinds[look->source->kind](look) || turn_to_next(look);
}
