/*
 * kind_margin.c - a client that takes all it may: never more than N units in
 * any span of its margin, and often exactly N. It must never be refused.
 */
#include "tests/property/ledger.h"
#include "tests/property/schedule.h"
#include "tests/property/trial.h"

#define EVENTS_A_ROUND 250
#define DAY_MS         86400000

/* The first moment from now_us on at which the amount is allowed. */
static uint64_t allowed_at(
    const struct ledger *ledger, uint32_t amount, uint64_t now_us)
{
    for (size_t i = 0; i < ledger->count; i++) {
        uint64_t leaves_us = ledger->lines[i].at_us + ledger->margin_us;

        if (ledger_sum_margin(ledger, now_us) + amount <= ledger->limit)
            return now_us;
        if (leaves_us > now_us)
            now_us = leaves_us;
    }
    return now_us;
}

bool kind_margin(struct trial *trial)
{
    struct dice *dice = &trial->dice;
    uint32_t limit = (uint32_t)dice_magnitude(dice, 1, 3000);
    uint64_t window_ms = dice_magnitude(dice, 1, DAY_MS);
    struct subject subject = trial_subject(trial, 0);
    struct charge charge = trial_sliding(&subject, limit, window_ms);
    struct schedule schedule;
    struct ledger ledger;
    const char *fault = NULL;

    ledger_init(&ledger, limit, window_ms);
    schedule_init(&schedule, dice, limit);
    for (unsigned i = 0; fault == NULL && i < EVENTS_A_ROUND; i++) {
        charge.amount =
            schedule_amount(&schedule, dice, &ledger, trial->now_us);
        if (charge.amount > limit)
            charge.amount = limit;
        trial->now_us = schedule_next(&schedule, dice, &ledger, trial->now_us);
        trial->now_us = allowed_at(&ledger, charge.amount, trial->now_us);
        trial->events++;
        trial->counters->charge(
            trial->counters, &charge, 1, false, trial->now_us);
        fault = ledger_judge(&ledger, &charge, true, trial->now_us);
    }
    ledger_clear(&ledger);
    return fault == NULL || trial_fail(trial, &charge, fault);
}
