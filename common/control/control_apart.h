/*
 * control_apart.h - runs a command in a process of its own, because it reads
 * files or asks for names, and takes as long as that takes.
 *
 * The handler is the same; it must answer before it returns. What it answers
 * comes over a pipe: 256 KiB and 10 s at most. A call that ends earlier ends
 * the process.
 */
#ifndef TOLLGATE_CONTROL_CONTROL_APART_H
#define TOLLGATE_CONTROL_CONTROL_APART_H

#include "common/control/control_call.h"

/* The call is open, and may be over when it returns. */
void control_apart_run(struct control_call *, const json_t *arguments);

#endif
