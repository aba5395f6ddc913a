/*
 * source_folders.c - the data directories of Caddy and of nginx-proxy's
 * acme-companion, in which each name has a folder.
 *
 * Source: certmagic, storage.go, filestorage.go; acme-companion,
 * app/letsencrypt_service.sh.
 */
#include "common/certs/source.h"

#include "common/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Calls visit with the path and name of each entry but the hidden ones. */
static void each_entry(struct look *look, const char *folder,
    void (*visit)(const struct config_certificate *, struct look *,
        const char *path, const char *name),
    const struct config_certificate *config)
{
    size_t count = 0;
    struct dirent *entry;
    DIR *open = opendir(folder);

    file_note_folder(&look->paths, folder);
    if (open == NULL) {
        look_fail(look, "%s: %s", folder, strerror(errno));
        return;
    }
    while ((entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (count++ == SOURCE_ENTRIES_MAX) {
            look_fail(
                look, "%s: more than %d entries", folder, SOURCE_ENTRIES_MAX);
            break;
        }
        char *path = xprintf("%s/%s", folder, entry->d_name);
        visit(config, look, path, entry->d_name);
        free(path);
    }
    closedir(open);
}

/* Caddy's folder for a name, if it is there: "*" is written "wildcard_". */
static void look_at_name(const struct config_certificate *config,
    struct look *look, const char *issuer, const char *name)
{
    bool is_wildcard = name[0] == '*';
    char *safe = xprintf(
        "%s%s", is_wildcard ? "wildcard_" : "", name + (is_wildcard ? 1 : 0));
    char *folder = xprintf("%s/%s", issuer, safe);

    if (access(folder, F_OK) == 0) {
        char *certificate = xprintf("%s/%s.crt", folder, safe);
        char *key = xprintf("%s/%s.key", folder, safe);
        look_add_files(look, config->names, certificate, key, true);
        free(certificate);
        free(key);
    }
    free(folder);
    free(safe);
}

static void visit_issuer(const struct config_certificate *config,
    struct look *look, const char *path, const char *name)
{
    (void)name;
    file_note_folder(&look->paths, path);
    for (char **wanted = config->names; *wanted != NULL; wanted++) {
        const char *dot = strchr(*wanted, '.');
        look_at_name(config, look, path, *wanted);
        if (dot == NULL || (*wanted)[0] == '*')
            continue;
        char *wildcard = xprintf("*%s", dot);
        look_at_name(config, look, path, wildcard);
        free(wildcard);
    }
}

void source_caddy(const struct config_certificate *config, struct look *look)
{
    char *folder = xprintf("%s/certificates", config->paths[0]);

    each_entry(look, folder, visit_issuer, config);
    free(folder);
}

static bool is_for_us(
    const struct config_certificate *config, const char *name, size_t len)
{
    for (char **wanted = config->names; *wanted != NULL; wanted++)
        if (strlen(*wanted) == len && memcmp(*wanted, name, len) == 0)
            return true;
    return false;
}

/* NAME/{fullchain,key}.pem, or NAME.crt and NAME.key placed by hand. Which
 * names a certificate has, only the certificate tells. */
static void visit_companion(const struct config_certificate *config,
    struct look *look, const char *path, const char *name)
{
    size_t len = strlen(name), path_len = strlen(path);
    bool is_pair = len > 4 && strcmp(name + len - 4, ".crt") == 0;
    char *certificate =
        is_pair ? xstrdup(path) : xprintf("%s/fullchain.pem", path);
    char *key = is_pair ? xprintf("%.*s.key", (int)path_len - 4, path)
                        : xprintf("%s/key.pem", path);

    file_note_folder(&look->paths, path);
    if (access(certificate, F_OK) == 0 && access(key, F_OK) == 0)
        look_add_files(look, config->names, certificate, key,
            is_for_us(config, name, is_pair ? len - 4 : len));
    free(certificate);
    free(key);
}

void source_companion(
    const struct config_certificate *config, struct look *look)
{
    each_entry(look, config->paths[0], visit_companion, config);
}
