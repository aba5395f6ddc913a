/* schedule.h - when the next event of a client comes: where it hurts. */
#ifndef TOLLGATE_TESTS_SCHEDULE_H
#define TOLLGATE_TESTS_SCHEDULE_H

#include "tests/property/dice.h"
#include "tests/property/ledger.h"

enum schedule_mode {
    SCHEDULE_POISSON,    /* 0.3 to 4.3 times what the limit allows */
    SCHEDULE_BURST,      /* many in the same µs, then a pause */
    SCHEDULE_PART_EDGE,  /* edges of sub-windows, +-{0, 1 µs, 999 µs, 1 ms} */
    SCHEDULE_EVENT_EDGE, /* as earlier events leave the window or margin */
    SCHEDULE_RETRY,      /* around the promised retry, +-1.5 ms */
    SCHEDULE_MIX,
    SCHEDULE_MODES,
};

struct schedule {
    enum schedule_mode mode;
    double rate; /* times N per W */
    uint32_t amount_max;
    uint64_t promise_us; /* the last retry; 0: none */
};

void schedule_init(struct schedule *, struct dice *, uint32_t limit);
/* Never before now_us. */
uint64_t schedule_next(const struct schedule *, struct dice *,
    const struct ledger *, uint64_t now_us);
/* 1 at the most often, amount_max at most, sometimes just what is left of the
 * limit, sometimes limit + 1. */
uint32_t schedule_amount(const struct schedule *, struct dice *,
    const struct ledger *, uint64_t now_us);

#endif
