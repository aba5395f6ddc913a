/*
 * unix_owner.c - who listens at a unix socket path now.
 *
 * Changes nothing. What it cannot find out it calls unknown or a stranger, so
 * that a doubt never costs another program its socket. A predecessor is told
 * by its executable or, after an upgrade has replaced that file, by its name.
 */
#include "common/net/unix_owner.h"

#include "common/net/unix_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static void process_name(pid_t pid, char name[UNIX_OWNER_NAME_SIZE])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);

    name[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return;
    ssize_t got = read(fd, name, UNIX_OWNER_NAME_SIZE - 1);
    close(fd);
    name[got > 0 ? got : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
}

static bool is_same_executable(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);

    struct stat theirs, ours;
    return stat(path, &theirs) == 0 && stat("/proc/self/exe", &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

static bool is_same_name(const char *name)
{
    char ours[UNIX_OWNER_NAME_SIZE];
    process_name(getpid(), ours);
    return ours[0] != '\0' && strcmp(ours, name) == 0;
}

static void owner_identify(struct unix_owner *owner, int connected_fd)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    owner->kind = UNIX_OWNER_STRANGER;
    if (getsockopt(connected_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        peer.pid <= 0)
        return;

    owner->pid = peer.pid;
    process_name(peer.pid, owner->name);
    if (peer.pid == getpid())
        owner->kind = UNIX_OWNER_OURSELVES;
    else if (is_same_executable(peer.pid) || is_same_name(owner->name))
        owner->kind = UNIX_OWNER_PREDECESSOR;
}

static void owner_ask(struct unix_owner *owner, const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        owner->error_number = errno;
        return;
    }

    struct timeval wait = {.tv_sec = UNIX_OWNER_WAIT_MS / 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (unix_connect(fd, at))
        owner_identify(owner, fd);
    else if (errno == ECONNREFUSED)
        owner->kind = UNIX_OWNER_DEAD;
    else if (errno == ENOENT)
        owner->kind = UNIX_OWNER_NOTHING;
    else if (errno == EPROTOTYPE || errno == EAGAIN)
        owner->kind = UNIX_OWNER_STRANGER; /* a datagram socket; too busy */
    else
        owner->error_number = errno;
    close(fd);
}

struct unix_owner unix_owner_find(const char *path)
{
    struct unix_owner owner = {.kind = UNIX_OWNER_UNKNOWN};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat file;

    if (strlen(path) >= sizeof at.sun_path) {
        owner.error_number = ENAMETOOLONG;
    } else if (lstat(path, &file) != 0) {
        owner.error_number = errno;
        if (errno == ENOENT)
            owner.kind = UNIX_OWNER_NOTHING;
    } else if (!S_ISSOCK(file.st_mode)) {
        owner.kind = UNIX_OWNER_NOT_SOCKET;
    } else {
        memcpy(at.sun_path, path, strlen(path) + 1);
        owner_ask(&owner, &at);
    }
    return owner;
}
