/*
 * source_folders.c - directories in which each name, or each lineage, has a
 * folder: certbot's, Caddy's, and that of nginx-proxy's acme-companion.
 *
 * Nothing is asked about a file before it is opened: file.h says why.
 *
 * Source: certbot, certbot/_internal/storage.py; certmagic, storage.go,
 * filestorage.go; acme-companion, app/letsencrypt_service.sh.
 */
#include "common/certs/source.h"

#include "common/base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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

static void fail_folder(struct look *look, const char *folder, int error)
{
    if (error != ENOENT) {
        look_fail(look, "%s: %s", folder, file_reason(error));
        return;
    }
    char *problem = xprintf("%s: %s", folder, strerror(error));
    look_miss(look, problem, 0);
    free(problem);
}

/* Takes the path. */
static bool walk_begin(struct look *look, char *folder)
{
    struct walk *walk = xcalloc(1, sizeof *walk);

    look->work = walk;
    look->end_work = walk_end;
    walk->folder = folder;
    walk->opened = opendir(folder);
    int error = errno;
    file_note_opened(&look->paths, folder, walk->opened);
    file_note_folder(&look->paths, folder);
    if (walk->opened == NULL)
        fail_folder(look, folder, error);
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

/* Caddy's folder for a name, if it is there: "*" is written "wildcard_". A
 * folder without a pair is one that Caddy has just made. */
static void look_at_name(
    struct look *look, const char *issuer, const char *name)
{
    bool is_wildcard = name[0] == '*';
    char *safe = xprintf(
        "%s%s", is_wildcard ? "wildcard_" : "", name + (is_wildcard ? 1 : 0));
    char *folder = xprintf("%s/%s", issuer, safe);
    char *certificate = xprintf("%s.crt", safe);
    char *key = xprintf("%s.key", safe);

    look_add_pair(look, folder, certificate, key, LOOK_IF_BEGUN);
    free(key);
    free(certificate);
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
            look, xprintf("%s/certificates", look->source->paths[0]));
    return walk_step(look, look_at_issuer);
}

/* acme-companion puts what a test authority signed beside the real one, into a
 * folder of this name, and lets the links NAME.crt and NAME.key lead there. */
#define COMPANION_TEST "_test_"

static bool leads_to_test(const char *path)
{
    char target[PATH_MAX];

    return realpath(path, target) != NULL &&
           strstr(target, "/" COMPANION_TEST) != NULL;
}

/* NAME/{fullchain,key}.pem, or NAME.crt and NAME.key. Which names a
 * certificate has, only the certificate tells. Of very many only ours are
 * watched; the poll finds what becomes ours. */
static void look_at_domain(
    struct look *look, const char *path, const char *name)
{
    size_t len = strlen(name);
    size_t watched = look->paths.count, found = look->count;
    bool is_pair = len > 4 && strcmp(name + len - 4, ".crt") == 0;
    bool claimed = look_is_for_us(look, name, is_pair ? len - 4 : len);

    if (strncmp(name, COMPANION_TEST, strlen(COMPANION_TEST)) == 0 ||
        leads_to_test(path))
        return;
    if (is_pair) {
        char *key = xprintf("%.*s.key", (int)strlen(path) - 4, path);
        look_add_files(look, look->config->names,
            &(struct look_files){.certificates = path, .key = key},
            claimed ? LOOK_IF_BEGUN : LOOK_UNCLAIMED);
        free(key);
    } else {
        file_note_folder(&look->paths, path);
        look_add_pair(look, path, "fullchain.pem", "key.pem", LOOK_UNCLAIMED);
    }
    if (!claimed && look->count == found && watched > FILE_PATHS_MAX / 2)
        file_paths_cut(&look->paths, watched);
}

bool source_companion(struct look *look)
{
    if (look->work == NULL)
        return walk_begin(look, xstrdup(look->source->paths[0]));
    return walk_step(look, look_at_domain);
}

static const char certbot_chain[] = "fullchain.pem",
                  certbot_key[] = "privkey.pem";

/* A lineage: live/NAME, live/NAME-0001 after its request changed, or an
 * _archive/ID of Synology's. */
static void look_at_lineage(
    struct look *look, const char *path, const char *name)
{
    bool claimed = look_is_for_us(look, name, strlen(name));

    file_note_folder(&look->paths, path);
    look_add_pair(look, path, certbot_chain, certbot_key,
        claimed ? LOOK_IF_BEGUN : LOOK_UNCLAIMED);
}

/* certbot's own folder has its lineages in live/. */
static char *folder_of_lineages(struct look *look, const char *folder)
{
    char *live = xprintf("%s/live", folder);
    DIR *opened = opendir(live);

    file_note_opened(&look->paths, live, opened);
    if (opened != NULL || (errno != ENOENT && errno != ENOTDIR)) {
        if (opened != NULL)
            closedir(opened);
        return live;
    }
    free(live);
    return xstrdup(folder);
}

/* The folder of one lineage, or one of many. */
bool source_certbot(struct look *look)
{
    const char *folder = look->source->paths[0];
    size_t found = look->count;

    if (look->work != NULL)
        return walk_step(look, look_at_lineage);
    look_add_pair(look, folder, certbot_chain, certbot_key, LOOK_IF_BEGUN);
    return look->count == found &&
           walk_begin(look, folder_of_lineages(look, folder));
}
