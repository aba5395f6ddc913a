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

/* A folder that is gone through, one entry a step. */
struct walk {
    char *folder;
    DIR *opened; /* NULL: it could not be */
    size_t count;
};

static void walk_end(void *context)
{
    struct walk *walk = context;

    if (walk->opened != NULL)
        closedir(walk->opened);
    free(walk->folder);
    free(walk);
}

/* Takes the path. */
static bool walk_begin(struct look *look, char *folder)
{
    struct walk *walk = xcalloc(1, sizeof *walk);

    look->work = walk;
    look->end_work = walk_end;
    walk->folder = folder;
    walk->opened = opendir(folder);
    file_note_folder(&look->paths, folder);
    if (walk->opened == NULL)
        look_fail(look, "%s: %s", folder, strerror(errno));
    return walk->opened != NULL;
}

static bool walk_step(struct look *look,
    void (*visit)(struct look *, const char *path, const char *name))
{
    struct walk *walk = look->work;
    struct dirent *entry;

    do
        entry = readdir(walk->opened);
    while (entry != NULL && entry->d_name[0] == '.');
    if (entry == NULL)
        return false;
    if (walk->count++ == SOURCE_ENTRIES_MAX) {
        look_fail(
            look, "%s: more than %d entries", walk->folder, SOURCE_ENTRIES_MAX);
        return false;
    }
    char *path = xprintf("%s/%s", walk->folder, entry->d_name);
    visit(look, path, entry->d_name);
    free(path);
    return true;
}

/* Caddy's folder for a name, if it is there: "*" is written "wildcard_". */
static void look_at_name(
    struct look *look, const char *issuer, const char *name)
{
    bool is_wildcard = name[0] == '*';
    char *safe = xprintf(
        "%s%s", is_wildcard ? "wildcard_" : "", name + (is_wildcard ? 1 : 0));
    char *folder = xprintf("%s/%s", issuer, safe);

    if (access(folder, F_OK) == 0) {
        char *certificate = xprintf("%s/%s.crt", folder, safe);
        char *key = xprintf("%s/%s.key", folder, safe);
        look_add_files(look, look->config->names, certificate, key, true);
        free(certificate);
        free(key);
    }
    free(folder);
    free(safe);
}

static void look_at_issuer(
    struct look *look, const char *path, const char *name)
{
    file_note_folder(&look->paths, path);
    for (char **wanted = look->config->names; *wanted != NULL; wanted++) {
        const char *dot = strchr(*wanted, '.');
        look_at_name(look, path, *wanted);
        if (dot == NULL || (*wanted)[0] == '*')
            continue;
        char *wildcard = xprintf("*%s", dot);
        look_at_name(look, path, wildcard);
        free(wildcard);
    }
}

bool source_caddy(struct look *look)
{
    if (look->work == NULL)
        return walk_begin(
            look, xprintf("%s/certificates", look->config->paths[0]));
    return walk_step(look, look_at_issuer);
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
 * names a certificate has, only the certificate tells. Of very many only ours
 * are watched; the poll finds what becomes ours. */
static void look_at_domain(
    struct look *look, const char *path, const char *name)
{
    size_t len = strlen(name), path_len = strlen(path);
    size_t watched = look->paths.count, found = look->count;
    bool is_pair = len > 4 && strcmp(name + len - 4, ".crt") == 0;
    char *certificate =
        is_pair ? xstrdup(path) : xprintf("%s/fullchain.pem", path);
    char *key = is_pair ? xprintf("%.*s.key", (int)path_len - 4, path)
                        : xprintf("%s/key.pem", path);
    bool claimed = is_for_us(look->config, name, is_pair ? len - 4 : len);

    file_note_folder(&look->paths, path);
    if (access(certificate, F_OK) == 0 && access(key, F_OK) == 0)
        look_add_files(look, look->config->names, certificate, key, claimed);
    if (!claimed && look->count == found && watched > FILE_PATHS_MAX / 2)
        file_paths_cut(&look->paths, watched);
    free(certificate);
    free(key);
}

bool source_companion(struct look *look)
{
    if (look->work == NULL)
        return walk_begin(look, xstrdup(look->config->paths[0]));
    return walk_step(look, look_at_domain);
}
