/*
 * unix_place.c - asks /proc under which name our socket file hangs.
 *
 * Changes nothing. Whatever cannot be found out counts as not held: a false
 * alarm is seen at once, a missed one costs limits that nobody enforces.
 */
#include "common/net/unix_place.h"

#include "common/base/alloc.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *resolve(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return xstrdup(path);
    int len = snprintf(
        directory, sizeof directory, "%.*s/", (int)(slash - path), path);
    char *real = len > 0 && (size_t)len < sizeof directory
                     ? realpath(directory, NULL)
                     : NULL;
    if (real == NULL)
        return xstrdup(path);
    char *resolved = xprintf("%s%s", strcmp(real, "/") == 0 ? "" : real, slash);
    free(real);
    return resolved;
}

void unix_place_init(struct unix_place *place, const char *path)
{
    *place = (struct unix_place){
        .fd = -1, .path = resolve(path), .lock = {.fd = -1}};
}

bool unix_place_take(struct unix_place *place, const char *name)
{
    struct stat st;
    if (place->fd != -1)
        close(place->fd);
    place->fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return place->fd != -1 && fstat(place->fd, &st) == 0 &&
           S_ISSOCK(st.st_mode);
}

bool unix_place_adopt(struct unix_place *place, int fd)
{
    struct unix_place candidate = {.fd = fd, .path = place->path};
    if (!unix_place_is_held(&candidate) || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
        return false;
    if (place->fd != -1)
        close(place->fd);
    place->fd = fd;
    return true;
}

void unix_place_clear(struct unix_place *place)
{
    if (place->fd != -1)
        close(place->fd);
    unix_lock_clear(&place->lock);
    free(place->path);
    *place = (struct unix_place){.fd = -1, .lock = {.fd = -1}};
}

bool unix_place_is_held(const struct unix_place *place)
{
    char link[32], name[PATH_MAX];
    struct stat st;
    if (place->fd == -1 || fstat(place->fd, &st) != 0 ||
        !S_ISSOCK(st.st_mode) || st.st_nlink == 0)
        return false;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", place->fd);
    ssize_t len = readlink(link, name, sizeof name - 1);
    if (len == -1)
        return false;
    name[len] = '\0';
    return strcmp(name, place->path) == 0;
}
