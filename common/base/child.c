/*
 * child.c - see child.h.
 */
#include "common/base/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEPT_FD 3

pid_t child_fork(void)
{
    sigset_t every, before;

    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, &before);
    pid_t pid = fork();
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

void child_set_title(char **argv, const char *title)
{
    char *begin = argv[0], *end = begin;

    /* The kernel has put them one behind the other. */
    for (; *argv != NULL && *argv == end; argv++)
        end += strlen(*argv) + 1;
    size_t size = (size_t)(end - begin);
    memset(begin, 0, size);
    if (size > 0)
        (void)snprintf(begin, size, "%s", title);
}

int child_keep_only(int fd)
{
    if (fd != KEPT_FD && dup2(fd, KEPT_FD) == -1)
        return -1;
    (void)close_range(KEPT_FD + 1, ~0u, 0);
    return KEPT_FD;
}
