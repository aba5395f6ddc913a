/*
 * certs_schedule.c - when the sources are looked at, and who is told.
 *
 * A round goes on for a moment at each turn of the loop, so that a large
 * store keeps nobody waiting. What happens meanwhile is not looked for: there
 * will be another round, and it begins when this one has ended, so that a
 * source that changes all the time is still read to its end.
 */
#include "common/certs/certs_private.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define TURN_US 2000 /* of each turn of the loop */
#define POLL_S  60
/* After a round that found something wrong: 100 ms, doubled up to 5 s. What
 * has not become right by then is left to the watch and the poll. */
#define RETRY_MS     100
#define RETRY_MS_MAX 5000
#define RETRIES_MAX  8
/* A tool in the middle of its work is not worth a line in the log. */
#define RETRIES_SILENT 3

static void warn_expiry(struct certs *certs)
{
    int64_t now_s = clock_wall_s();
    int64_t warning_s =
        (int64_t)(certs->config->certificate_expiry_warning_ms / 1000);

    for (size_t i = 0; i < certs->count; i++)
        certificate_warn_expiry(certs->items[i], now_s, warning_s);
}

static void log_problems(struct certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        certificate_log_problem(certs->items[i]);
}

static void retry_later(struct schedule *schedule)
{
    uint64_t ms = (uint64_t)RETRY_MS << schedule->retries;

    if (schedule->retries++ >= RETRIES_MAX)
        return;
    if (ms > RETRY_MS_MAX)
        ms = RETRY_MS_MAX;
    const struct timeval after = clock_span(ms);
    evtimer_add(schedule->retry, &after);
}

/* By a timer, because what is only made active runs before the loop asks for
 * other events. */
static void go_on(struct schedule *schedule)
{
    const struct timeval at_once = {0};
    evtimer_add(schedule->turn, &at_once);
}

static void begin(struct certs *certs, bool is_first)
{
    struct schedule *schedule = &certs->schedule;

    schedule->number++;
    schedule->is_running = true;
    schedule->is_due = false;
    round_begin(&schedule->round, certs->items, certs->count, is_first,
        schedule->number <= schedule->loud_until);
}

/* The next one begins now, or after the one that is under way. */
static void request(struct certs *certs)
{
    struct schedule *schedule = &certs->schedule;

    evtimer_del(schedule->retry);
    schedule->is_due = true;
    if (schedule->is_running)
        return;
    begin(certs, false);
    go_on(schedule);
}

static void end(struct certs *certs)
{
    struct schedule *schedule = &certs->schedule;
    bool is_wrong = schedule->round.is_wrong;
    bool is_loud = schedule->number <= schedule->loud_until;

    watch_set(schedule->watch, &schedule->round.paths);
    round_clear(&schedule->round);
    schedule->is_running = false;
    if (is_wrong && (is_loud || schedule->retries >= RETRIES_SILENT))
        log_problems(certs);
    if (is_wrong)
        retry_later(schedule);
    warn_expiry(certs);
}

/* From the beginning after each: who is told may ask again, or forget. */
static void tell_waiters(struct schedule *schedule)
{
    uint64_t over = schedule->number;
    struct waiter **at = &schedule->waiters;

    while (*at != NULL) {
        struct waiter *waiter = *at;
        if (waiter->round > over) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->on_done(waiter->context);
        free(waiter);
        at = &schedule->waiters;
    }
}

static void schedule_on_turn(evutil_socket_t fd, short what, void *context)
{
    struct certs *certs = context;
    struct schedule *schedule = &certs->schedule;
    uint64_t until_us = clock_monotonic_us() + TURN_US;

    while (round_step(&schedule->round))
        if (clock_monotonic_us() >= until_us) {
            go_on(schedule);
            return;
        }
    end(certs);
    tell_waiters(schedule);
    if (schedule->is_due && !schedule->is_running)
        request(certs);
}

static void schedule_on_retry(evutil_socket_t fd, short what, void *context)
{
    request(context);
}

static void schedule_on_watch(void *context)
{
    struct certs *certs = context;

    certs->schedule.retries = 0;
    request(certs);
}

static void schedule_on_poll(evutil_socket_t fd, short what, void *context)
{
    schedule_on_watch(context);
}

void schedule_init(struct certs *certs)
{
    const struct timeval every = {.tv_sec = POLL_S};
    struct schedule *schedule = &certs->schedule;

    schedule->watch = watch_new(certs->base, schedule_on_watch, certs);
    schedule->poll =
        event_new(certs->base, -1, EV_PERSIST, schedule_on_poll, certs);
    schedule->retry = evtimer_new(certs->base, schedule_on_retry, certs);
    schedule->turn = evtimer_new(certs->base, schedule_on_turn, certs);
    event_add(schedule->poll, &every);
}

void schedule_clear(struct certs *certs)
{
    struct schedule *schedule = &certs->schedule;

    round_clear(&schedule->round);
    watch_free(&schedule->watch);
    event_free(schedule->poll);
    event_free(schedule->retry);
    event_free(schedule->turn);
    while (schedule->waiters != NULL)
        certs_forget(certs, schedule->waiters->context);
}

/* A process that holds keys leaves none of them in a core dump. */
static void keep_memory_private(const struct certs *certs)
{
    if (certs->count > 0)
        (void)prctl(PR_SET_DUMPABLE, 0);
}

void schedule_look_first(struct certs *certs)
{
    keep_memory_private(certs);
    certs->schedule.loud_until = certs->schedule.number + 1;
    begin(certs, true);
    while (round_step(&certs->schedule.round))
        continue;
    end(certs);
}

/* As soon as may be; people wait for the outcome, so problems are logged at
 * once. */
static void look_aloud(struct certs *certs)
{
    struct schedule *schedule = &certs->schedule;

    schedule->retries = 0;
    schedule->loud_until = schedule->number + 1;
    request(certs);
}

void schedule_follow(struct certs *certs)
{
    struct schedule *schedule = &certs->schedule;

    keep_memory_private(certs);
    if (schedule->is_running) {
        evtimer_del(schedule->turn);
        round_clear(&schedule->round);
        schedule->is_running = false;
    }
    look_aloud(certs);
}

void certs_look_now(
    struct certs *certs, void (*on_done)(void *context), void *context)
{
    struct schedule *schedule = &certs->schedule;
    struct waiter *waiter = xcalloc(1, sizeof *waiter);

    *waiter = (struct waiter){.next = schedule->waiters,
        .round = schedule->number + 1,
        .on_done = on_done,
        .context = context};
    schedule->waiters = waiter;
    for (size_t i = 0; i < certs->count; i++)
        verification_hasten(certs->items[i]);
    look_aloud(certs);
}

void certs_forget(struct certs *certs, const void *context)
{
    struct waiter **at = &certs->schedule.waiters;

    while (*at != NULL) {
        struct waiter *waiter = *at;
        if (waiter->context != context) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        free(waiter);
    }
}
