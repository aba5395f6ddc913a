/*
 * stamp.c - see stamp.h.
 *
 * The kernel sets the change time, and no program can: not even one that gives
 * a file another modification time.
 */
#include "common/certs/stamp.h"

#include "common/base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEP 64 /* of stamps_step: some 100 us */

struct stamp {
    char *path;
    bool is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

static struct stamp stamp_of(const struct stat *status)
{
    if (status == NULL)
        return (struct stamp){.is_there = false};
    return (struct stamp){.is_there = true,
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .modified = status->st_mtim,
        .changed = status->st_ctim};
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->is_there == b->is_there && a->device == b->device &&
           a->inode == b->inode && a->size == b->size &&
           is_same_time(&a->modified, &b->modified) &&
           is_same_time(&a->changed, &b->changed);
}

/* By the clock that the kernel stamps with. */
static bool is_settled(const struct stat *status)
{
    struct timespec now;

    return clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 &&
           status->st_ctim.tv_sec < now.tv_sec - STAMP_SETTLED_S;
}

void stamps_note(
    struct stamps *stamps, const char *path, const struct stat *status)
{
    if (stamps->is_unsettled)
        return;
    if (stamps->count == STAMPS_MAX ||
        (status != NULL && !is_settled(status))) {
        stamps->is_unsettled = true;
        return;
    }
    if (stamps->count == stamps->room) {
        stamps->room = stamps->room > 0 ? 2 * stamps->room : 4;
        stamps->items =
            xrealloc(stamps->items, stamps->room * sizeof *stamps->items);
    }
    struct stamp *stamp = &stamps->items[stamps->count++];
    *stamp = stamp_of(status);
    stamp->path = xstrdup(path);
}

void stamps_note_unread(struct stamps *stamps)
{
    stamps->is_unsettled = true;
}

void stamps_clear(struct stamps *stamps)
{
    for (size_t i = 0; i < stamps->count; i++)
        free(stamps->items[i].path);
    free(stamps->items);
    *stamps = (struct stamps){.count = 0};
}

static bool is_as_before(const struct stamp *before)
{
    struct stat status;
    bool is_there = stat(before->path, &status) == 0;

    if (!is_there && errno != ENOENT && errno != ENOTDIR)
        return false;
    struct stamp now = stamp_of(is_there ? &status : NULL);
    return is_same(&now, before);
}

enum stamps_result stamps_step(const struct stamps *stamps, size_t *at)
{
    if (stamps->is_unsettled)
        return STAMPS_CHANGED;
    for (size_t i = 0; i < STEP; i++, (*at)++) {
        if (*at == stamps->count)
            return STAMPS_SAME;
        if (!is_as_before(&stamps->items[*at]))
            return STAMPS_CHANGED;
    }
    return STAMPS_MORE;
}
