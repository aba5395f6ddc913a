/*
 * bridge.h - between libmilter's threads and the loop.
 *
 * libmilter calls back on threads of its own, everything else lives in the
 * loop. A callback hands a job over and waits for it, never longer than its
 * deadline: libmilter has few workers, and one that waits keeps back other
 * sessions. A job that is late is finished and freed by the loop.
 */
#ifndef TOLLGATE_MILTER_BRIDGE_H
#define TOLLGATE_MILTER_BRIDGE_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct bridge;
struct bridge_waiter;

/* Embedded in what is asked or told. */
struct bridge_job {
    /* In the loop; bridge_finish must follow, at once or later. */
    void (*run)(struct bridge_job *);
    /* Frees it, in whatever thread; nothing of the loop's is in it by then.
     * bridge_job_free, where it begins what was allocated and owns no more. */
    void (*destroy)(struct bridge_job *);

    struct bridge *bridge;        /* the bridge's, as what follows */
    struct bridge_waiter *waiter; /* NULL: nobody waits, or no longer */
    STAILQ_ENTRY(bridge_job) link;
};

/* free(3), for `destroy`. */
void bridge_job_free(struct bridge_job *);

/* The life of the process: libmilter's threads may come until its end. */
struct bridge *bridge_new(struct event_base *, struct error *err);

/*
 * From a callback. True: done, and the job is the caller's again. False: it
 * took longer than timeout_ms, or the loop has ended; the job is gone.
 */
bool bridge_ask(struct bridge *, struct bridge_job *, uint64_t timeout_ms);
/* The same without an answer. */
void bridge_tell(struct bridge *, struct bridge_job *);

/* From the loop: the job is done. Whoever waits for it gets it, else it is
 * destroyed; false: nobody waits any more. */
bool bridge_finish(struct bridge_job *);
/* From the loop, as it ends: nobody waits from here on. */
void bridge_close(struct bridge *);

/* SMTP sessions that are open: begun by callbacks, ended by either. */
void bridge_session_began(struct bridge *);
void bridge_session_ended(struct bridge *);
size_t bridge_sessions(struct bridge *);

/* What callbacks must know of the configuration: bits that the loop sets. */
void bridge_set_flags(struct bridge *, unsigned flags);
unsigned bridge_flags(struct bridge *);

/*
 * A thread for a function that does not return, and that goes on until the
 * process ends. Signals do not reach it: they are the main thread's. on_end is
 * called in the loop should the function return all the same.
 */
struct bridge_thread {
    int (*run)(void);
    void (*on_end)(int status, void *context);
    void *context;
};
/* False: err. The description is copied. */
bool bridge_start_thread(
    struct bridge *, const struct bridge_thread *, struct error *err);

#endif
