/*
 * watch.c - see watch.h.
 *
 * A path is added again at every look: it may have become another file or
 * folder since, and adding what is watched already changes nothing.
 */
#include "common/certs/watch.h"

#include "common/base/alloc.h"
#include "common/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Links appear by IN_CREATE alone; a mode that lets us read by IN_ATTRIB. */
#define EVENTS \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF | \
        IN_MOVE_SELF)

struct watch {
    int fd; /* -1: none */
    struct event *readable;
    struct event *gathered;
    int watches[FILE_PATHS_MAX];
    size_t count;
    void (*on_change)(void *context);
    void *context;
};

static void gather(struct watch *watch)
{
    const struct timeval after = {.tv_usec = WATCH_GATHER_MS * 1000};

    if (!evtimer_pending(watch->gathered, NULL))
        evtimer_add(watch->gathered, &after);
}

/* More than that we have ceased to watch something. */
static bool has_change(const char *events, size_t len)
{
    struct inotify_event event;

    for (size_t at = 0; at < len; at += sizeof event + event.len) {
        memcpy(&event, events + at, sizeof event);
        if ((event.mask & IN_IGNORED) == 0)
            return true;
    }
    return false;
}

static void watch_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct watch *watch = context;
    char events[4096];
    ssize_t len;

    while ((len = read(fd, events, sizeof events)) > 0)
        if (has_change(events, (size_t)len))
            gather(watch);
}

static void watch_on_gathered(evutil_socket_t fd, short what, void *context)
{
    struct watch *watch = context;

    watch->on_change(watch->context);
}

struct watch *watch_new(
    struct event_base *base, void (*on_change)(void *context), void *context)
{
    struct watch *watch = xcalloc(1, sizeof *watch);

    watch->on_change = on_change;
    watch->context = context;
    watch->gathered = evtimer_new(base, watch_on_gathered, watch);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd == -1) {
        log_warn("certificates are found by polling only: inotify: %s",
            strerror(errno));
        return watch;
    }
    watch->readable = event_new(
        base, watch->fd, EV_READ | EV_PERSIST, watch_on_readable, watch);
    event_add(watch->readable, NULL);
    return watch;
}

void watch_free(struct watch **watch)
{
    if (*watch == NULL)
        return;
    if ((*watch)->readable != NULL)
        event_free((*watch)->readable);
    event_free((*watch)->gathered);
    if ((*watch)->fd != -1)
        close((*watch)->fd);
    free(*watch);
    *watch = NULL;
}

static bool has(const int *watches, size_t count, int watch)
{
    for (size_t i = 0; i < count; i++)
        if (watches[i] == watch)
            return true;
    return false;
}

void watch_set(struct watch *watch, const struct file_paths *paths)
{
    int old[FILE_PATHS_MAX];
    size_t old_count = watch->count;
    bool is_new = false;

    if (watch->fd == -1)
        return;
    memcpy(old, watch->watches, sizeof old);
    watch->count = 0;
    for (size_t i = 0; i < paths->count && i < FILE_PATHS_MAX; i++) {
        int id = inotify_add_watch(watch->fd, paths->items[i], EVENTS);
        if (id == -1 || has(watch->watches, watch->count, id))
            continue;
        watch->watches[watch->count++] = id;
        is_new = is_new || !has(old, old_count, id);
    }
    for (size_t i = 0; i < old_count; i++)
        if (!has(watch->watches, watch->count, old[i]))
            inotify_rm_watch(watch->fd, old[i]);
    if (is_new)
        gather(watch);
}
