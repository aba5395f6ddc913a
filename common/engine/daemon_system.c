/*
 * daemon_system.c - does this system have what the configuration names?
 *
 * Warns and never refuses: a source may be filled after us, and postfix_user
 * matters to some faces alone. What we may not see is not said to be missing.
 */
#include "common/engine/daemon_private.h"

#include "common/config/build.h"
#include "common/engine/privileges.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Its default is missing wherever Postfix is in another container. */
static void look_at_postfix_user(struct config *config)
{
    uid_t uid;
    gid_t gid;
    struct error err;

    if (strcmp(config->postfix_user, "postfix") != 0 &&
        !privileges_find_user(config->postfix_user, &uid, &gid, &err))
        build_warn(config,
            "postfix_user: %s; it owns private keys and the sockets of "
            "Postfix, normally \"postfix\"",
            err.text);
}

/* The first of its paths with nothing there; NULL: none of them. */
static const char *find_missing(const struct config_certificate_source *source)
{
    for (size_t i = 0; i < CERTIFICATE_PATHS; i++) {
        const char *path = source->paths[i];
        bool is_path = path != NULL && path[0] == '/'; /* no resolver */
        if (is_path && access(path, F_OK) == -1 && errno == ENOENT)
            return path;
    }
    return NULL;
}

/* A source that is not there is no matter where another one is. */
static void look_at_certificate(
    struct config *config, const struct config_certificate *certificate)
{
    const char *missing = NULL;

    for (size_t i = 0; i < certificate->source_count; i++) {
        missing = find_missing(&certificate->sources[i]);
        if (missing == NULL)
            return;
    }
    build_warn(config,
        "certificate \"%s\": source: %s: %s; there is nothing to "
        "serve until it is there",
        certificate->title, missing, strerror(ENOENT));
}

void daemon_look_around(struct config *config)
{
    look_at_postfix_user(config);
    for (size_t i = 0; i < config->certificate_count; i++)
        look_at_certificate(config, &config->certificates[i]);
}
