/*
 * ledger.h - the judge of a sliding limit: an exact log of what was admitted,
 * to the µs, and the two promises that every answer is held to.
 *
 * Never more than N: admitted means that the closed span of W before it holds
 * at most N with it. The margin: refused means that the span of
 * W + W/16 + 1 ms (N <= 16: W + 1 ms) before it would hold more than N.
 */
#ifndef TOLLGATE_TESTS_LEDGER_H
#define TOLLGATE_TESTS_LEDGER_H

#include "common/core/charge.h"

#include <stddef.h>

struct ledger {
    uint32_t limit;
    uint64_t window_us, margin_us;
    struct ledger_line {
        uint64_t at_us;
        uint64_t before; /* the sum of all earlier lines */
        uint32_t units;
    } * lines; /* owned; at_us never falls */
    size_t count, room;
};

void ledger_init(struct ledger *, uint32_t limit, uint64_t window_ms);
void ledger_clear(struct ledger *);
void ledger_add(struct ledger *, uint64_t at_us, uint32_t units);

/* Units with at_us >= from_us. */
uint64_t ledger_sum_from(const struct ledger *, uint64_t from_us);
uint64_t ledger_sum_window(const struct ledger *, uint64_t now_us);
uint64_t ledger_sum_margin(const struct ledger *, uint64_t now_us);

/*
 * NULL, or what is wrong with an answer. Adds it to the log if it was charged.
 */
const char *ledger_judge(struct ledger *, const struct charge *answer,
    bool is_charged, uint64_t now_us);

#endif
