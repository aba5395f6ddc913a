/*
 * launch.h - runs a program to its end, with a deadline: for a helper process
 * that may block.
 */
#ifndef TOLLGATE_BASE_LAUNCH_H
#define TOLLGATE_BASE_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#define LAUNCH_PROBLEM_SIZE 256

/* In the environment of every program that is launched. */
#define LAUNCH_PATH \
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LAUNCH_LOCALE "LC_ALL=C"

struct launch {
    char *const *argv;        /* argv[0]: an absolute path; no shell */
    char *const *environment; /* all of it: NULL-terminated */
    const char *input;        /* on standard input; NULL: nothing */
    size_t input_len;
    uint64_t
        timeout_ms; /* then TERM to its process group, and 2 s later KILL */
    /* In the child, before the program takes its place: to give up rights, or
     * to do the work itself and _exit; NULL: nothing. */
    void (*prepare)(const void *context);
    const void *context;
};

/* Waits for its end. problem_r: "" after exit status 0, else what was wrong.
 * The caller's descriptors from 3 on have to be close-on-exec. */
void launch_run(const struct launch *, char problem_r[LAUNCH_PROBLEM_SIZE]);

#endif
