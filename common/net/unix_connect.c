/*
 * unix_connect.c - see unix_connect.h.
 */
#include "common/net/unix_connect.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool unix_connect(int fd, const struct sockaddr_un *at)
{
    const struct sockaddr *name = (const struct sockaddr *)at;
    struct stat file;

    if (connect(fd, name, sizeof *at) == 0)
        return true;
    if (errno != EACCES || geteuid() != 0 || lstat(at->sun_path, &file) != 0)
        return false;
    (void)setfsuid(file.st_uid);
    bool is_connected = connect(fd, name, sizeof *at) == 0;
    int saved = errno;
    (void)setfsuid(0);
    errno = saved;
    return is_connected;
}
