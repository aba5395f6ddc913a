/*
 * unix_socket.c - binds beside the path, then renames over it.
 *
 * The mode comes from umask and the group from lchown: neither follows a
 * symbolic link that the owner of the directory (for private/ that is
 * Postfix's own user) could put in the way of a daemon that is still root.
 * On failure nothing of ours is left in the directory and whatever was at the
 * path is untouched.
 */
#include "common/net/unix_socket.h"

#include "common/net/unix_owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool beside_address(
    const char *path, struct sockaddr_un *beside_r, struct error *err)
{
    if (path[0] != '/')
        return error_set(err, "%s: a socket's path must begin with /", path);
    if (strlen(path) > LISTEN_PATH_MAX)
        return error_set(err,
            "%s: too long for a unix socket: %zu bytes, at most %d", path,
            strlen(path), LISTEN_PATH_MAX);

    *beside_r = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(beside_r->sun_path, sizeof beside_r->sun_path, "%s.%d",
        path, (int)getpid());
    if (len < 0 || (size_t)len >= sizeof beside_r->sun_path)
        return error_set(err, "%s: too long for a unix socket", path);
    return true;
}

/* The directory of an absolute path, without its last slash. */
static void directory_of(const char *path, char directory[LISTEN_PATH_MAX + 1])
{
    size_t len = (size_t)(strrchr(path, '/') - path);

    memcpy(directory, path, len);
    directory[len] = '\0';
}

bool unix_socket_is_our_directory(const char *directory)
{
    const char *slash = strrchr(directory, '/');
    const char *name = slash != NULL ? slash + 1 : directory;

    return strncmp(name, "tollgate", strlen("tollgate")) == 0;
}

static bool has_directory(const char *path)
{
    char directory[LISTEN_PATH_MAX + 1];
    struct stat st;

    directory_of(path, directory);
    return stat(directory[0] == '\0' ? "/" : directory, &st) == 0 ||
           errno != ENOENT;
}

static const char *remedy(const char *path)
{
    static const char anvil[] = "/private/anvil";
    size_t len = strlen(path);
    if (len >= sizeof anvil - 1 &&
        strcmp(path + len - (sizeof anvil - 1), anvil) == 0)
        return "if it is Postfix's own anvil: postconf -e "
               "'master_service_disable = anvil/unix' and postfix reload, or "
               "use the anvil-pass listener with spawn(8)";
    return "stop it, or give this listener another path";
}

static bool error_stranger(
    const char *path, const struct unix_owner *owner, struct error *err)
{
    if (owner->pid == 0)
        return error_set(err,
            "%s: a program in another container is listening there; %s", path,
            remedy(path));
    return error_set(err, "%s: process %d (%s) is listening there; %s", path,
        (int)owner->pid, owner->name[0] != '\0' ? owner->name : "unknown",
        remedy(path));
}

static bool error_serving(
    const char *path, const struct unix_owner *owner, struct error *err)
{
    return error_set(err,
        "%s: process %d (%s) serves here; \"tollgatectl restart\" replaces it "
        "without a gap, -t only checks a configuration; for a second daemon, "
        "give this listener another path",
        path, (int)owner->pid, owner->name);
}

/* Another holds the lock. */
static bool error_locked(const char *path, struct error *err)
{
    struct unix_owner owner = unix_owner_find(path);

    if (owner.kind == UNIX_OWNER_OURSELVES)
        return error_set(err, "%s: two listeners have this path", path);
    if (owner.kind == UNIX_OWNER_PREDECESSOR)
        return error_serving(path, &owner, err);
    if (owner.kind == UNIX_OWNER_STRANGER && owner.pid == 0)
        return error_set(err,
            "%s: a daemon in another container serves here; stop it, or give "
            "each container a volume of its own",
            path);
    return error_set(err,
        "%s: another daemon holds %s.lock: it is starting, or serves in "
        "another container; stop it, or give this listener another path",
        path, path);
}

/* The lock is ours. Somebody who does not know of it may still live: systemd,
 * a stranger, a daemon of an older version. */
static bool path_may_be_taken(const char *path, const struct unix_lock *lock,
    bool is_inherited, struct error *err)
{
    char directory[LISTEN_PATH_MAX + 1];
    struct unix_owner owner = unix_owner_find(path);

    switch (owner.kind) {
    case UNIX_OWNER_NOTHING:
    case UNIX_OWNER_DEAD:
        return true;
    case UNIX_OWNER_PREDECESSOR:
        return is_inherited || error_serving(path, &owner, err);
    case UNIX_OWNER_OURSELVES:
        return error_set(err, "%s: two listeners have this path", path);
    case UNIX_OWNER_STRANGER:
        return error_stranger(path, &owner, err);
    case UNIX_OWNER_NOT_SOCKET:
        return error_set(err,
            "%s: exists and is not a socket; remove it, or give this listener "
            "another path",
            path);
    case UNIX_OWNER_UNKNOWN:
        break;
    }
    /* Its mode shuts out even us. The one who had the lock made it, or who else
     * comes to our directory, and is dead. */
    directory_of(path, directory);
    if (owner.error_number == EACCES &&
        (lock->was_left || unix_socket_is_our_directory(directory)))
        return true;
    return error_set(err, "%s: cannot find out who is listening there: %s",
        path, strerror(owner.error_number));
}

static bool claim(
    const char *path, uid_t owner, struct unix_place *place, struct error *err)
{
    struct unix_lock *lock = &place->lock;

    if (lock->fd != -1)
        return path_may_be_taken(path, lock, true, err);
    switch (unix_lock_take(lock, path, owner, err)) {
    case UNIX_LOCK_THEIRS:
        return error_locked(path, err);
    case UNIX_LOCK_FAILED:
        return false;
    case UNIX_LOCK_OURS:
        break;
    }
    if (path_may_be_taken(path, lock, false, err))
        return true;
    unix_lock_remove(lock, path);
    return false;
}

static int bind_with_mode(
    int fd, const struct sockaddr_un *beside, unsigned mode)
{
    /* Left by a process that had our pid and died here; pids come back fast in
     * a container. */
    (void)unlink(beside->sun_path);

    mode_t old = umask(~(mode_t)mode & 0777);
    int result = bind(fd, (const struct sockaddr *)beside, sizeof *beside);
    int saved = errno;
    (void)umask(old);
    errno = saved;
    return result;
}

static bool give_to_owner(const struct sockaddr_un *beside,
    const struct listener_options *options, struct error *err)
{
    if (options->owner == (uid_t)-1 && options->group == (gid_t)-1)
        return true;
    if (lchown(beside->sun_path, options->owner, options->group) == 0)
        return true;
    return error_set(err,
        "%s: cannot give it to its owner and group: %s (start as root, or "
        "name a group that we are in)",
        beside->sun_path, strerror(errno));
}

static bool install(const struct sockaddr_un *beside, const char *path,
    const struct listener_options *options, struct unix_place *place_r,
    struct error *err)
{
    if (!give_to_owner(beside, options, err))
        return false;
    if (!unix_place_take(place_r, beside->sun_path))
        return error_set(err, "%s: was removed again", beside->sun_path);
    if (rename(beside->sun_path, path) != 0)
        return error_set(
            err, "%s: cannot be replaced: %s", path, strerror(errno));
    return true;
}

bool unix_socket_install(const struct sockaddr_un *beside, const char *path,
    const struct listener_options *options, struct unix_place *place_r,
    struct error *err)
{
    if (install(beside, path, options, place_r, err))
        return true;
    (void)unlink(beside->sun_path);
    return false;
}

enum listener_wait unix_socket_prepare(const char *path, uid_t owner,
    struct sockaddr_un *beside_r, struct unix_place *place, struct error *err)
{
    if (!beside_address(path, beside_r, err))
        return LISTENER_FAILED;
    if (!has_directory(path)) {
        error_set(err, "%s: its directory does not exist", path);
        return LISTENER_NO_DIRECTORY;
    }
    return claim(path, owner, place, err) ? LISTENER_READY : LISTENER_FAILED;
}

/* A bound and listening socket beside the path; -1 with err. */
static int listen_beside(const char *path, const struct sockaddr_un *beside,
    unsigned mode, struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        error_set(err, "%s: socket: %s", path, strerror(errno));
        return -1;
    }
    if (bind_with_mode(fd, beside, mode) != 0) {
        error_set(err, "%s: cannot be bound: %s", path, strerror(errno));
    } else if (listen(fd, LISTENER_BACKLOG) != 0) {
        error_set(err, "%s: listen: %s", path, strerror(errno));
        (void)unlink(beside->sun_path);
    } else {
        return fd;
    }
    close(fd);
    return -1;
}

enum listener_wait unix_socket_listen(const char *path,
    const struct listener_options *options, int *fd_r, struct unix_place *place,
    struct error *err)
{
    struct sockaddr_un beside;
    enum listener_wait wait =
        unix_socket_prepare(path, options->owner, &beside, place, err);
    if (wait != LISTENER_READY)
        return wait;

    int fd = listen_beside(path, &beside, options->mode, err);
    if (fd == -1 || !unix_socket_install(&beside, path, options, place, err)) {
        unix_lock_remove(&place->lock, path);
        if (fd != -1)
            close(fd);
        return LISTENER_FAILED;
    }
    *fd_r = fd;
    return LISTENER_READY;
}

bool unix_socket_inherit(
    int fd, const char *path, struct unix_place *place, struct error *err)
{
    /* A second listen(2) makes us the one whom SO_PEERCRED names; until then
     * it is a predecessor that may be dead, or systemd. */
    if (listen(fd, LISTENER_BACKLOG) != 0)
        return error_set(err, "%s: listen: %s", path, strerror(errno));

    if (!unix_place_is_held(place) &&
        unix_owner_find(path).kind == UNIX_OWNER_OURSELVES)
        (void)unix_place_take(place, path);
    return true;
}

bool unix_socket_is_named(
    const struct sockaddr *name, socklen_t name_len, const char *path)
{
    struct sockaddr_un bound = {0};
    if (name->sa_family != AF_UNIX || name_len > sizeof bound)
        return false;
    memcpy(&bound, name, name_len);

    size_t bound_len = strnlen(bound.sun_path, sizeof bound.sun_path);
    size_t len = strlen(path);
    if (bound_len < len || memcmp(bound.sun_path, path, len) != 0)
        return false;
    if (bound_len == len)
        return true;
    const char *suffix = bound.sun_path + len;
    size_t suffix_len = bound_len - len;
    return suffix[0] == '.' && suffix_len > 1 &&
           strspn(suffix + 1, "0123456789") == suffix_len - 1;
}
