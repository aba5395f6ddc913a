/*
 * unix_place.h - our claim on a socket path: the file that we made, and whether
 * it is still the one at its path; and the lock beside it (unix_lock.h).
 *
 * Told by a descriptor on the file itself (O_PATH), because a daemon that has
 * dropped its privileges may no longer look into the directory: Postfix's
 * private/ is closed to all but Postfix. The kernel knows under which name the
 * file hangs now, and that it hangs nowhere once another was renamed over it.
 */
#ifndef TOLLGATE_NET_UNIX_PLACE_H
#define TOLLGATE_NET_UNIX_PLACE_H

#include "common/net/unix_lock.h"

#include <stdbool.h>

struct unix_place {
    int fd;     /* owned; -1: we have no file anywhere */
    char *path; /* owned; without symbolic links */
    struct unix_lock lock;
};

/* Of a path that need not exist yet, in a directory that does. */
void unix_place_init(struct unix_place *, const char *path);
/* The file called name is ours and will be, or is, at the path. */
bool unix_place_take(struct unix_place *, const char *name);
/* An inherited descriptor of the file: ours to keep only if it is there. */
bool unix_place_adopt(struct unix_place *, int fd);
/* Gives up descriptors; files stay, and the lock to those who share it. */
void unix_place_clear(struct unix_place *);

/* Is the socket at our path still the one that we made? */
bool unix_place_is_held(const struct unix_place *);

#endif
