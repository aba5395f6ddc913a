/*
 * watch.h - says when something has happened at paths.
 *
 * By inotify, on folders as well as files; events are gathered for a moment,
 * because tools write several files. What inotify does not see (network file
 * systems, a path that does not exist yet), the owner's poll has to find. No
 * inotify at all is a warning, not a failure.
 */
#ifndef TOLLGATE_CERTS_WATCH_H
#define TOLLGATE_CERTS_WATCH_H

#include "common/certs/file.h"

struct event_base;
struct watch;

#define WATCH_GATHER_MS 50

/* on_change is called WATCH_GATHER_MS after the first of several changes.
 * Without inotify never; the log says so. */
struct watch *watch_new(
    struct event_base *, void (*on_change)(void *context), void *context);
/* No on_change any more. */
void watch_free(struct watch **);

/* From now on these and no others. What is watched for the first time may have
 * changed a moment ago: on_change then follows once, for certain. */
void watch_set(struct watch *, const struct file_paths *);

#endif
