/*
 * child.c - see child.h.
 */
#include "common/base/child.h"

#include <cap-ng.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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

bool child_give_up_capabilities(void)
{
    capng_clear(CAPNG_SELECT_ALL);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           capng_apply(CAPNG_SELECT_CAPS) == 0;
}

int child_keep_only(int fd)
{
    if (fd != KEPT_FD && dup2(fd, KEPT_FD) == -1)
        return -1;
    (void)close_range(KEPT_FD + 1, ~0u, 0);
    return KEPT_FD;
}
