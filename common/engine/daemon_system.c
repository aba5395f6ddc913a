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

static void look_at_certificate(
    struct config *config, const struct config_certificate *certificate)
{
    for (size_t i = 0; i < 2; i++) {
        const char *path = certificate->paths[i];
        if (path != NULL && access(path, F_OK) == -1 && errno == ENOENT)
            build_warn(config,
                "certificate \"%s\": source: %s: %s; there is nothing to "
                "serve until it is there",
                certificate->title, path, strerror(errno));
    }
}

void daemon_look_around(struct config *config)
{
    look_at_postfix_user(config);
    for (size_t i = 0; i < config->certificate_count; i++)
        look_at_certificate(config, &config->certificates[i]);
}
