/*
 * refuse_call.h - a seccomp filter, as a container's profile has it, that
 * answers one system call with an errno.
 */
#ifndef TOLLGATE_TESTS_REFUSE_CALL_H
#define TOLLGATE_TESTS_REFUSE_CALL_H

#include <stdint.h>

struct refused_call {
    long number;
    int argument;   /* refused only if this one ... */
    uint32_t value; /* ... has this value; argument -1: whatever they are */
    int error;
};

/* For this process and what it starts, for ever. -1 with errno: it is not
 * possible. */
int refuse_call(const struct refused_call *);

#endif
