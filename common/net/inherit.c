/*
 * inherit.c - takes listening sockets from the environment.
 *
 * Touches no descriptor that the variables do not name. Never fails: a start
 * without inherited sockets binds its own.
 */
#include "common/net/inherit.h"

#include "common/base/decimal.h"
#include "common/base/log.h"
#include "common/net/listener.h"
#include "common/net/unix_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -1: not a number in 0..max. */
static long number_parse(const char *text, long max)
{
    uint64_t number;
    return text != NULL && decimal_read(&text, (uint64_t)max, &number) &&
                   *text == '\0'
               ? (long)number
               : -1;
}

void inherit_take(struct inherit *inherit)
{
    const char *pid = getenv("LISTEN_PID");
    const char *fds = getenv("LISTEN_FDS");
    long count = number_parse(fds, INHERIT_MAX);

    *inherit = (struct inherit){0};
    if (number_parse(pid, 0x7fffffff) == (long)getpid()) {
        if (count == -1)
            log_error("LISTEN_FDS=%s: not a number of at most %d; ignored",
                fds != NULL ? fds : "", INHERIT_MAX);
        for (long i = 0; i < count; i++) {
            int fd = INHERIT_FD_FIRST + (int)i;
            if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
                inherit->fds[inherit->count++] = fd;
        }
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

static int claim(struct inherit *inherit,
    const struct config_listener *listener,
    bool (*fits)(const struct config_listener *, int fd))
{
    for (size_t i = 0; i < inherit->count; i++) {
        int fd = inherit->fds[i];
        if (fd != -1 && fits(listener, fd)) {
            inherit->fds[i] = -1;
            return fd;
        }
    }
    return -1;
}

int inherit_claim(struct inherit *inherit,
    const struct config_listener *listener, int *place_fd_r)
{
    int fd = claim(inherit, listener, listener_fits);
    *place_fd_r = fd != -1 ? claim(inherit, listener, listener_fits_place) : -1;
    return fd;
}

int inherit_claim_lock(struct inherit *inherit, const char *path)
{
    struct unix_place place;
    int found = -1;

    unix_place_init(&place, path);
    for (size_t i = 0; i < inherit->count && found == -1; i++) {
        int fd = inherit->fds[i];
        if (fd == -1 || !unix_lock_fits(place.path, fd))
            continue;
        inherit->fds[i] = -1;
        found = fd;
    }
    unix_place_clear(&place);
    return found;
}

/* The file or the lock of a listener that was displaced, or went with its
 * path. */
static bool is_file_of_ours(int fd)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);

    return (flags != -1 && (flags & O_PATH) != 0) ||
           (fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
}

void inherit_close_rest(struct inherit *inherit)
{
    for (size_t i = 0; i < inherit->count; i++) {
        if (inherit->fds[i] == -1)
            continue;
        if (!is_file_of_ours(inherit->fds[i]))
            log_warn("inherited descriptor %d belongs to no listener of the "
                     "configuration; closed",
                inherit->fds[i]);
        close(inherit->fds[i]);
        inherit->fds[i] = -1;
    }
}
