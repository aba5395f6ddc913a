/*
 * file.c - see file.h.
 *
 * What a file's name leads to is noted as well: a watch on a folder does not
 * see writes into a file that a link or a bind mount brings there, and one on
 * a folder that a link leads to does not see the link change.
 */
#include "common/certs/file.h"

#include "common/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* the kernel follows no more: path_resolution(7) */

void file_paths_add(struct file_paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->items[i], path) == 0)
            return;
    if (paths->count == FILE_PATHS_MAX)
        return;
    if (paths->items == NULL)
        paths->items = xcalloc(FILE_PATHS_MAX, sizeof *paths->items);
    paths->items[paths->count++] = xstrdup(path);
}

static void note_folder(struct file_paths *paths, const char *path)
{
    char folder[PATH_MAX];
    struct stat status;

    snprintf(folder, sizeof folder, "%s", path);
    while (stat(folder, &status) == -1 || !S_ISDIR(status.st_mode)) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            file_paths_add(paths, "/");
            return;
        }
        *slash = '\0';
    }
    file_paths_add(paths, folder);
}

static void note_folder_of(struct file_paths *paths, const char *path)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder)
        *slash = '\0';
    note_folder(paths, folder);
}

/* Of the first link on the way, its length in path; 0: there is none. With
 * the link's target in its place the path is followed_r. */
static size_t follow_link(const char *path, char followed_r[PATH_MAX])
{
    char link[PATH_MAX], target[PATH_MAX];

    for (size_t len = 0; path[len] != '\0';) {
        len += 1 + strcspn(path + len + 1, "/");
        snprintf(link, sizeof link, "%.*s", (int)len, path);
        ssize_t got = readlink(link, target, sizeof target - 1);
        if (got <= 0)
            continue;
        target[got] = '\0';
        const char *slash = target[0] == '/' ? NULL : strrchr(link, '/');
        int size = snprintf(followed_r, PATH_MAX, "%.*s%s%s",
            slash == NULL ? 0 : (int)(slash - link) + 1, link, target,
            path + len);
        return size < PATH_MAX ? len : 0;
    }
    return 0;
}

/* Another target of any link on the way makes it another file. */
static void note_links(struct file_paths *paths, const char *path)
{
    char followed[2][PATH_MAX], link[PATH_MAX];

    for (size_t i = 0; i < LINKS_MAX; i++) {
        size_t len = follow_link(path, followed[i % 2]);
        if (len == 0)
            return;
        snprintf(link, sizeof link, "%.*s", (int)len, path);
        note_folder_of(paths, link);
        path = followed[i % 2];
    }
}

void file_note_folder(struct file_paths *paths, const char *path)
{
    note_links(paths, path);
    note_folder(paths, path);
}

/* A file, and the folders it and what it links to lie in. */
void file_note(struct file_paths *paths, const char *path)
{
    char target[PATH_MAX];

    note_folder_of(paths, path);
    note_links(paths, path);
    if (realpath(path, target) == NULL)
        return;
    note_folder_of(paths, target);
    file_paths_add(paths, target);
}

void file_paths_cut(struct file_paths *paths, size_t count)
{
    while (paths->count > count)
        free(paths->items[--paths->count]);
}

void file_paths_clear(struct file_paths *paths)
{
    file_paths_cut(paths, 0);
    stamps_clear(&paths->stamps);
    free(paths->items);
    *paths = (struct file_paths){0};
}

static enum file_result check_kind(int fd, const char *path, size_t max,
    struct stat *status, struct error *err)
{
    if (fstat(fd, status) == -1)
        error_set(err, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status->st_mode))
        error_set(err, "%s: not a file", path);
    else if ((unsigned long long)status->st_size > max)
        error_set(err, "%s: %lld bytes; at most %zu are read", path,
            (long long)status->st_size, max);
    else if (status->st_size > 0)
        return FILE_READ;
    else {
        error_set(err, "%s: empty", path);
        return FILE_EMPTY;
    }
    return FILE_BROKEN;
}

static bool read_all(int fd, const char *path, size_t size,
    struct file_text *text, struct error *err)
{
    text->bytes = xcalloc(1, size + 1);
    while (text->len < size) {
        ssize_t got = read(fd, text->bytes + text->len, size - text->len);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return error_set(err, "%s: %s", path, strerror(errno));
        if (got == 0)
            break;
        text->len += (size_t)got;
    }
    return true;
}

const char *file_reason(int error)
{
    if (error != EACCES && error != EPERM)
        return strerror(error);
    return "Permission denied: the daemon has no CAP_DAC_READ_SEARCH, and its "
           "user no right to read there";
}

static enum file_result result_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return FILE_ABSENT;
    case EACCES:
    case EPERM:
        return FILE_FORBIDDEN;
    default:
        return FILE_BROKEN;
    }
}

/* What could not be opened. */
static void note_failure(
    struct file_paths *paths, const char *path, enum file_result result)
{
    if (result == FILE_ABSENT)
        stamps_note(&paths->stamps, path, NULL);
    else
        stamps_note_unread(&paths->stamps);
}

void file_note_opened(struct file_paths *paths, const char *path, DIR *opened)
{
    struct stat status;
    int error = errno;

    if (opened == NULL)
        note_failure(paths, path, result_of(error));
    else if (fstat(dirfd(opened), &status) == 0)
        stamps_note(&paths->stamps, path, &status);
    else
        stamps_note_unread(&paths->stamps);
    errno = error;
}

enum file_result file_read(struct file_paths *paths, const char *path,
    size_t max, struct file_text *text_r, struct error *err)
{
    struct stat status = {.st_size = 0};

    *text_r = (struct file_text){0};
    file_note(paths, path);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd == -1) {
        enum file_result result = result_of(errno);
        error_set(err, "%s: %s", path, file_reason(errno));
        note_failure(paths, path, result);
        return result;
    }
    enum file_result result = check_kind(fd, path, max, &status, err);
    stamps_note(&paths->stamps, path, &status);
    if (result == FILE_READ &&
        !read_all(fd, path, (size_t)status.st_size, text_r, err)) {
        file_text_clear(text_r);
        result = FILE_BROKEN;
    }
    text_r->changed_s = (int64_t)status.st_mtim.tv_sec;
    close(fd);
    return result;
}

void file_text_clear(struct file_text *text)
{
    if (text->bytes != NULL)
        OPENSSL_cleanse(text->bytes, text->len);
    free(text->bytes);
    *text = (struct file_text){0};
}
