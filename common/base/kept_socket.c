/*
 * kept_socket.c - see kept_socket.h.
 */
#include "common/base/kept_socket.h"

#include "common/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

int kept_socket_find(const char *variable)
{
    const char *text = getenv(variable);
    int fd = text != NULL ? (int)strtol(text, NULL, 10) : -1;
    int type = 0;
    socklen_t len = sizeof type;

    if (fd < KEPT_SOCKET_MIN ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
        type != SOCK_SEQPACKET)
        return -1;
    return fd;
}

bool kept_socket_pair(
    const char *variable, int *ours, int *helpers, struct error *err)
{
    char number[16];
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
            pair) == -1)
        return error_set(err, "socketpair: %s", strerror(errno));
    *ours = fcntl(pair[0], F_DUPFD, KEPT_SOCKET_MIN);
    close(pair[0]);
    if (*ours == -1) {
        close(pair[1]);
        return error_set(err, "a descriptor for a helper: %s", strerror(errno));
    }
    *helpers = pair[1];
    snprintf(number, sizeof number, "%d", *ours);
    setenv(variable, number, 1);
    return true;
}

int kept_socket_settle(int fd, const char *name)
{
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, number == SIGHUP || number == SIGINT ||
                                     number == SIGTERM || number == SIGUSR1 ||
                                     number == SIGUSR2 || number == SIGPIPE
                                 ? SIG_IGN
                                 : SIG_DFL);
    int kept = child_keep_only(fd);
    if (kept == -1 || fcntl(kept, F_SETFD, FD_CLOEXEC) == -1)
        return -1;
    (void)prctl(PR_SET_NAME, name);
    return kept;
}
