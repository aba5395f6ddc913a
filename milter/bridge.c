/*
 * bridge.c - the one file that knows threads.
 *
 * One lock for the queue and for who waits. The loop is woken by an eventfd
 * of our own, so that no other thread ever calls libevent, and once for all
 * jobs that come meanwhile. A job's owner is whoever holds it last: taking
 * the waiter off a job, under the lock, decides that.
 */
#include "milter/bridge.h"

#include "common/base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

STAILQ_HEAD(job_queue, bridge_job);

/*
 * On the stack of the one who waits. Whoever takes it off its job must post it
 * afterwards, without the lock: woken under it, the other would only wait
 * again.
 */
struct bridge_waiter {
    sem_t posted;
    bool is_taken, is_refused;
};

struct bridge {
    pthread_mutex_t lock;
    struct job_queue queue;
    bool is_closed;
    int wake_fd;
    struct event *wake;
    atomic_uint flags;
    atomic_size_t sessions;

    struct bridge_thread thread;
};

void bridge_job_free(struct bridge_job *job)
{
    free(job);
}

/* The queue of the moment: what comes while it is worked off waits for the
 * next turn, so that the loop's other events have theirs. */
static void bridge_on_wake(evutil_socket_t fd, short what, void *context)
{
    struct bridge *bridge = context;
    struct job_queue queue = STAILQ_HEAD_INITIALIZER(queue);
    struct bridge_job *job;
    uint64_t count;

    if (read(fd, &count, sizeof count) == -1)
        return;
    pthread_mutex_lock(&bridge->lock);
    STAILQ_CONCAT(&queue, &bridge->queue);
    pthread_mutex_unlock(&bridge->lock);
    while ((job = STAILQ_FIRST(&queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&queue, link);
        job->run(job);
    }
}

struct bridge *bridge_new(struct event_base *base, struct error *err)
{
    struct bridge *bridge = xcalloc(1, sizeof *bridge);

    STAILQ_INIT(&bridge->queue);
    pthread_mutex_init(&bridge->lock, NULL);
    bridge->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bridge->wake_fd == -1) {
        error_set(err, "eventfd: %s", strerror(errno));
        free(bridge);
        return NULL;
    }
    bridge->wake = event_new(
        base, bridge->wake_fd, EV_READ | EV_PERSIST, bridge_on_wake, bridge);
    event_add(bridge->wake, NULL);
    return bridge;
}

/* False: nobody works the queue off any more. */
static bool bridge_push(
    struct bridge *bridge, struct bridge_job *job, struct bridge_waiter *waiter)
{
    static const uint64_t one = 1;

    pthread_mutex_lock(&bridge->lock);
    bool is_closed = bridge->is_closed;
    bool was_empty = STAILQ_EMPTY(&bridge->queue);
    job->bridge = bridge;
    job->waiter = waiter;
    if (!is_closed)
        STAILQ_INSERT_TAIL(&bridge->queue, job, link);
    pthread_mutex_unlock(&bridge->lock);
    if (was_empty && !is_closed) {
        ssize_t written = write(bridge->wake_fd, &one, sizeof one);
        assert(written == sizeof one);
    }
    return !is_closed;
}

static struct timespec after_ms(uint64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* False: it was not posted in time, and nobody will. */
static bool bridge_wait(struct bridge *bridge, struct bridge_job *job,
    struct bridge_waiter *waiter, const struct timespec *deadline)
{
    int result;

    do
        result = sem_clockwait(&waiter->posted, CLOCK_MONOTONIC, deadline);
    while (result == -1 && errno == EINTR);
    pthread_mutex_lock(&bridge->lock);
    bool is_late = result == -1 && !waiter->is_taken;
    if (is_late)
        job->waiter = NULL;
    pthread_mutex_unlock(&bridge->lock);
    while (result == -1 && !is_late)
        result = sem_wait(&waiter->posted);
    return !is_late;
}

bool bridge_ask(
    struct bridge *bridge, struct bridge_job *job, uint64_t timeout_ms)
{
    const struct timespec deadline = after_ms(timeout_ms);
    struct bridge_waiter waiter = {.is_refused = false};

    sem_init(&waiter.posted, 0, 0);
    bool is_queued = bridge_push(bridge, job, &waiter);
    bool is_done = is_queued && bridge_wait(bridge, job, &waiter, &deadline);
    sem_destroy(&waiter.posted);
    if (!is_queued)
        job->destroy(job);
    return is_done && !waiter.is_refused;
}

void bridge_tell(struct bridge *bridge, struct bridge_job *job)
{
    if (!bridge_push(bridge, job, NULL))
        job->destroy(job);
}

/* Whoever waits for the job does so no longer, but for a post. */
static struct bridge_waiter *bridge_take_waiter(struct bridge_job *job)
{
    pthread_mutex_lock(&job->bridge->lock);
    struct bridge_waiter *waiter = job->waiter;
    job->waiter = NULL;
    if (waiter != NULL)
        waiter->is_taken = true;
    pthread_mutex_unlock(&job->bridge->lock);
    return waiter;
}

bool bridge_finish(struct bridge_job *job)
{
    struct bridge_waiter *waiter = bridge_take_waiter(job);

    if (waiter == NULL)
        job->destroy(job);
    else
        sem_post(&waiter->posted);
    return waiter != NULL;
}

static void bridge_refuse(struct bridge_job *job)
{
    struct bridge_waiter *waiter = bridge_take_waiter(job);

    job->destroy(job);
    if (waiter == NULL)
        return;
    waiter->is_refused = true;
    sem_post(&waiter->posted);
}

void bridge_close(struct bridge *bridge)
{
    struct job_queue queue = STAILQ_HEAD_INITIALIZER(queue);
    struct bridge_job *job;

    pthread_mutex_lock(&bridge->lock);
    bridge->is_closed = true;
    STAILQ_CONCAT(&queue, &bridge->queue);
    pthread_mutex_unlock(&bridge->lock);
    while ((job = STAILQ_FIRST(&queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&queue, link);
        bridge_refuse(job);
    }
    event_free(bridge->wake);
    bridge->wake = NULL;
}

void bridge_session_began(struct bridge *bridge)
{
    atomic_fetch_add(&bridge->sessions, 1);
}

void bridge_session_ended(struct bridge *bridge)
{
    atomic_fetch_sub(&bridge->sessions, 1);
}

size_t bridge_sessions(struct bridge *bridge)
{
    return atomic_load(&bridge->sessions);
}

void bridge_set_flags(struct bridge *bridge, unsigned flags)
{
    atomic_store(&bridge->flags, flags);
}

unsigned bridge_flags(struct bridge *bridge)
{
    return atomic_load(&bridge->flags);
}

/*
 * libmilter waits on a thread of its own for HUP, TERM and INT, and ends at
 * each. Mostly the kernel prefers the main thread, but not while that has
 * another signal to take, or the process is stopped. So the call that
 * libmilter makes is ours: a program's own functions go before a library's.
 * Nobody else here calls sigwait, and all signals are blocked where it does.
 */
__attribute__((visibility("default"))) int sigwait(
    const sigset_t *set, int *number)
{
    for (;;)
        (void)pause();
}

/* The second thread */

struct ending {
    struct bridge_job job;
    int status;
};

static void ending_run(struct bridge_job *job)
{
    const struct bridge_thread *thread = &job->bridge->thread;
    const struct ending *ending = (const struct ending *)job;

    thread->on_end(ending->status, thread->context);
    bridge_finish(job);
}

static void *thread_main(void *context)
{
    struct bridge *bridge = context;
    struct ending *ending = xcalloc(1, sizeof *ending);

    ending->status = bridge->thread.run();
    ending->job.run = ending_run;
    ending->job.destroy = bridge_job_free;
    bridge_tell(bridge, &ending->job);
    return NULL;
}

bool bridge_start_thread(struct bridge *bridge,
    const struct bridge_thread *thread, struct error *err)
{
    sigset_t all, before;
    pthread_t id;

    bridge->thread = *thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&id, NULL, thread_main, bridge);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        return error_set(err, "no thread for libmilter: %s", strerror(result));
    pthread_detach(id);
    return true;
}
