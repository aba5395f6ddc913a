/*
 * slot.c - see slot.h.
 *
 * Pieces are measured in CPU time: on a busy machine a piece that waited for
 * the CPU is not dear. A turn is measured by the wall clock, because decisions
 * wait by that one. A timer, not event_active: what is activated during a turn
 * would run in the same turn.
 */
#include "common/net/slot.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <event2/event.h>
#include <stdlib.h>

#define TURN_US      1000
#define DEAR_US      2000
#define DEAR_RESTS   100
#define REST_MAX_US  5000000
#define US_OF_SECOND 1000000

struct slot {
    struct slot_options options;
    struct event *turn;
};

static void slot_rest(struct slot *slot, uint64_t us)
{
    const struct timeval rest = {.tv_sec = (time_t)(us / US_OF_SECOND),
        .tv_usec = (suseconds_t)(us % US_OF_SECOND)};

    event_add(slot->turn, &rest);
}

/* Of the dearest piece; false: all is done. */
static bool slot_work(struct slot *slot, uint64_t *dearest_us_r)
{
    uint64_t end_us = clock_monotonic_us() + TURN_US;
    uint64_t before_us = clock_cpu_us();

    *dearest_us_r = 0;
    do {
        if (!slot->options.work(slot->options.context))
            return false;
        uint64_t after_us = clock_cpu_us();
        if (after_us - before_us > *dearest_us_r)
            *dearest_us_r = after_us - before_us;
        before_us = after_us;
    } while (clock_monotonic_us() < end_us);
    return true;
}

static void slot_on_turn(evutil_socket_t fd, short what, void *context)
{
    struct slot *slot = context;
    uint64_t began_us = clock_monotonic_us(), dearest_us;
    bool is_more = slot_work(slot, &dearest_us);

    if (dearest_us > DEAR_US && !slot->options.is_trusted) {
        uint64_t rest_us = dearest_us * DEAR_RESTS;
        slot_rest(slot, rest_us < REST_MAX_US ? rest_us : REST_MAX_US);
    } else if (is_more) {
        slot_rest(slot, clock_monotonic_us() - began_us);
    }
}

struct slot *slot_new(
    struct event_base *base, const struct slot_options *options)
{
    struct slot *slot = xcalloc(1, sizeof *slot);

    slot->options = *options;
    slot->turn = evtimer_new(base, slot_on_turn, slot);
    if (slot->turn == NULL)
        abort();
    return slot;
}

void slot_free(struct slot **slot)
{
    if (*slot == NULL)
        return;
    event_free((*slot)->turn);
    free(*slot);
    *slot = NULL;
}

void slot_wake(struct slot *slot)
{
    if (!event_pending(slot->turn, EV_TIMEOUT, NULL))
        slot_rest(slot, 0);
}
