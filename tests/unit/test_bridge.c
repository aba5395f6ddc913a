/*
 * test_bridge.c - jobs between real threads and a real loop: each is run
 * once, has one owner at a time, and is freed once (the sanitizers look).
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "milter/bridge.h"

#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LONG_MS 10000

struct task {
    struct bridge_job job;
    int question, answer;
};

/* What the loop does with a task. */
static enum { ANSWER_AT_ONCE, HOLD } behaviour;

static struct event_base *base;
static struct bridge *bridge;
/* None is ever freed: that is no leak. volatile, for nobody reads it. */
static struct bridge *volatile bridges[16];
static size_t bridge_count;
static struct task *held; /* the last one that was not answered */
static atomic_int destroyed;

static void task_run(struct bridge_job *job)
{
    struct task *task = (struct task *)job;

    if (behaviour == HOLD) {
        held = task;
        event_base_loopbreak(base);
        return;
    }
    task->answer = task->question + 1;
    bridge_finish(job);
}

static void task_destroy(struct bridge_job *job)
{
    destroyed++;
    free(job);
}

static struct task *task_new(int question)
{
    struct task *task = xcalloc(1, sizeof *task);

    task->job.run = task_run;
    task->job.destroy = task_destroy;
    task->question = question;
    return task;
}

static int setup(void **state)
{
    struct error err;

    behaviour = ANSWER_AT_ONCE;
    destroyed = 0;
    base = event_base_new();
    bridge = bridge_new(base, &err);
    if (bridge == NULL)
        return -1;
    bridges[bridge_count++] = bridge;
    return 0;
}

static int teardown(void **state)
{
    bridge_close(bridge);
    event_base_free(base);
    return 0;
}

static void *asks_a_thousand_times(void *context)
{
    long wrong = 0;

    for (int i = 0; i < 1000; i++) {
        struct task *task = task_new(i);
        if (!bridge_ask(bridge, &task->job, LONG_MS)) {
            wrong++;
            continue;
        }
        if (task->answer != i + 1)
            wrong++;
        task_destroy(&task->job);
    }
    return (void *)wrong; /* NOLINT: a count, not an address */
}

static void *loops(void *context)
{
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static int stop_run_count;

static void stop_run(struct bridge_job *job)
{
    stop_run_count++;
    event_base_loopbreak(base);
    bridge_finish(job);
}

static void tell_to_stop(void)
{
    struct task *task = task_new(0);

    task->job.run = stop_run;
    bridge_tell(bridge, &task->job);
}

TEST_WITH(setup, teardown, many_threads)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS], loop;

    pthread_create(&loop, NULL, loops, NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, asks_a_thousand_times, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    tell_to_stop();
    pthread_join(loop, NULL);
    assert_int_equal(destroyed, 1000 * THREADS + 1);
}

struct asking {
    uint64_t timeout_ms, took_ms;
    bool is_done;
};

static void *asks_once(void *context)
{
    struct asking *asking = context;
    uint64_t began_ms = clock_monotonic_ms();
    struct task *task = task_new(0);

    asking->is_done = bridge_ask(bridge, &task->job, asking->timeout_ms);
    asking->took_ms = clock_monotonic_ms() - began_ms;
    if (asking->is_done)
        task_destroy(&task->job);
    return NULL;
}

/* The answer comes after the one who asked has left. */
TEST_WITH(setup, teardown, late)
{
    struct asking asking = {.timeout_ms = 50};
    pthread_t thread;

    behaviour = HOLD;
    pthread_create(&thread, NULL, asks_once, &asking);
    event_base_dispatch(base);
    pthread_join(thread, NULL);
    assert_false(asking.is_done);
    assert_between(asking.took_ms, 50, 1000);
    assert_int_equal(destroyed, 0);
    assert_false(bridge_finish(&held->job));
    assert_int_equal(destroyed, 1);
}

/* The answer comes in another turn of the loop than the question. */
TEST_WITH(setup, teardown, later)
{
    struct asking asking = {.timeout_ms = LONG_MS};
    pthread_t thread;

    behaviour = HOLD;
    pthread_create(&thread, NULL, asks_once, &asking);
    event_base_dispatch(base);
    assert_true(bridge_finish(&held->job));
    pthread_join(thread, NULL);
    assert_true(asking.is_done);
    assert_int_equal(destroyed, 1);
}

static int close_base(void **state);
static int setup(void **state);

TEST_WITH(setup, close_base, the_end_lets_go)
{
    struct asking asking = {.timeout_ms = LONG_MS};
    struct task *task = task_new(0);
    struct pollfd none = {.fd = -1};
    pthread_t thread;

    pthread_create(&thread, NULL, asks_once, &asking);
    (void)poll(&none, 1, 50); /* most likely it waits by now */
    bridge_close(bridge);
    pthread_join(thread, NULL);
    assert_false(asking.is_done);
    assert_true(asking.took_ms < LONG_MS);
    assert_int_equal(destroyed, 1);
    assert_false(bridge_ask(bridge, &task->job, LONG_MS));
    bridge_tell(bridge, &task_new(0)->job);
    assert_int_equal(destroyed, 3);
}

static int close_base(void **state)
{
    event_base_free(base);
    return 0;
}

static int end_status;

static int returns_by_itself(void)
{
    return 7;
}

static void on_end(int status, void *context)
{
    end_status = status;
    event_base_loopbreak(base);
}

TEST_WITH(setup, teardown, thread_that_ends_is_told)
{
    const struct bridge_thread thread = {
        .run = returns_by_itself, .on_end = on_end};
    struct error err;

    assert_true(bridge_start_thread(bridge, &thread, &err));
    event_base_dispatch(base);
    assert_int_equal(end_status, 7);
}

TEST_WITH(setup, teardown, flags_and_sessions)
{
    bridge_set_flags(bridge, 5);
    assert_int_equal(bridge_flags(bridge), 5);
    bridge_session_began(bridge);
    bridge_session_began(bridge);
    bridge_session_ended(bridge);
    assert_int_equal(bridge_sessions(bridge), 1);
}

RUN_TESTS(NULL, NULL)
