/*
 * elder.h - where the end of one process ends the container, that process
 * stays after a restart, as the parent of its successors.
 *
 * It keeps its pid, passes signals on, reaps what is orphaned, and ends with
 * the last successor, with that one's status. To be rid of all that it had, it
 * executes the program anew and does nothing else there. systemd follows a
 * successor by MAINPID instead; so does whoever reads a pid from
 * tollgatectl restart.
 */
#ifndef TOLLGATE_ENGINE_ELDER_H
#define TOLLGATE_ENGINE_ELDER_H

#include <stdbool.h>

/* Are we the process whose end an engine takes for the container's: pid 1, one
 * whose parent is outside of our PID namespace, or the child of an engine's
 * init? */
bool elder_is_needed(void);
/* Children that have ended, and orphans that have come to us, leave the table
 * of processes. */
void elder_reap(void);
/* Orphans of our children are ours from now on. */
void elder_adopt(void);

/* Executes the program as the elder; argv as we were started with. Returns only
 * if that fails. */
void elder_become(const char *program, char *const *argv);
/* In main: have we been executed for that? */
bool elder_is_meant(void);
/* Returns the exit status. */
int elder_serve(void);

#endif
