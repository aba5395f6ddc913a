/*
 * child.h - forks a process that does one thing of this program's.
 */
#ifndef TOLLGATE_BASE_CHILD_H
#define TOLLGATE_BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * fork(2). All signals are blocked in the child: until it has set its own
 * dispositions, a signal to it would come out of the parent's loop, by the
 * handlers and the pipe that both still share.
 */
pid_t child_fork(void);

/* In the child: what ps(1) shows of it from now on, written over the arguments
 * of main, which are lost; cut to their length. */
void child_set_title(char **argv, const char *title);

/* In the child: without capabilities, and no program that it executes has more
 * rights than it. False: something is left. */
bool child_give_up_capabilities(void);

/* In the child: every descriptor but fd, which becomes number 3, is closed,
 * since a listening socket that stays open looks as if it were served.
 * 0 to 2 are left alone. -1: it could not be moved. */
int child_keep_only(int fd);

#endif
