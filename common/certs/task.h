/*
 * task.h - work in a process of its own, because it may take longer than a
 * decision of the loop may wait: a disk that syncs, a server that is asked.
 */
#ifndef TOLLGATE_CERTS_TASK_H
#define TOLLGATE_CERTS_TASK_H

#include "common/base/error.h"

struct event_base;
struct task;

/* What a process has to say; it ends with 0. */
struct task_report {
    char text[1024]; /* "": all is well */
};

/*
 * work runs in a child of fork(2), with a copy of the argument and of all
 * memory, no descriptor above 2 but its own, and all signals blocked. on_done
 * is called once, from the loop, with what it reported; the task is gone then.
 * NULL: err.
 */
struct task *task_start(struct event_base *,
    void (*work)(const void *argument, struct task_report *report_r),
    const void *argument, void (*on_done)(void *context, const char *problem),
    void *context, struct error *err);
/* on_done is called with another context from now on. */
void task_hand_on(struct task *, void *context);
/* The work goes on, and on_done is not called. */
void task_leave(struct task **);
/* The process is killed and waited for; on_done is not called. */
void task_end(struct task **);

#endif
