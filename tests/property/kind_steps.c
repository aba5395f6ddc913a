/*
 * kind_steps.c - the counters' clock steps back at random; judged in true
 * time. Never more than N all the same, and whoever waits for W + 1 ms after
 * his next request is free.
 */
#include "tests/property/ledger.h"
#include "tests/property/schedule.h"
#include "tests/property/trial.h"

#define EVENTS_A_ROUND 150
#define YEAR_US        31536000000000u

struct steps {
    struct trial *trial;
    struct subject subject;
    struct charge charge;
    struct ledger ledger;
    struct schedule schedule;
    uint64_t behind_us; /* what the clock has lost */
};

static bool ask(struct steps *steps)
{
    struct trial *trial = steps->trial;
    uint64_t clock_us = trial->now_us - steps->behind_us;
    bool passes;

    trial->events++;
    passes = trial->counters->charge(
        trial->counters, &steps->charge, 1, false, clock_us);
    if (!passes)
        return true;
    if (ledger_sum_window(&steps->ledger, trial->now_us) +
            steps->charge.amount >
        steps->ledger.limit)
        return trial_fail(trial, &steps->charge, "more than N in W");
    ledger_add(&steps->ledger, trial->now_us, steps->charge.amount);
    return true;
}

/* One request, then silence for W + 1 ms: all of N must be free. */
static bool heals(struct steps *steps)
{
    struct trial *trial = steps->trial;

    if (!ask(steps))
        return false;
    trial->now_us += steps->ledger.window_us + 1000;
    steps->charge.amount = steps->ledger.limit;
    if (!ask(steps))
        return false;
    return !steps->charge.refused ||
           trial_fail(trial, &steps->charge, "stuck after a step of the clock");
}

static bool step(struct steps *steps)
{
    struct trial *trial = steps->trial;
    struct dice *dice = &trial->dice;

    trial->now_us =
        schedule_next(&steps->schedule, dice, &steps->ledger, trial->now_us);
    steps->charge.amount =
        schedule_amount(&steps->schedule, dice, &steps->ledger, trial->now_us);
    if (dice_chance(dice, 5)) {
        uint64_t step_us = dice_magnitude(dice, 1000, YEAR_US / 100);

        steps->behind_us += step_us;
        if (dice_chance(dice, 30))
            return heals(steps);
    }
    return ask(steps);
}

bool kind_steps(struct trial *trial)
{
    struct dice *dice = &trial->dice;
    struct steps steps = {.trial = trial};
    uint32_t limit = (uint32_t)dice_magnitude(dice, 1, 3000);
    uint64_t window_ms = dice_magnitude(dice, 1, 3600000);
    bool holds = true;

    steps.subject = trial_subject(trial, 0);
    steps.charge = trial_sliding(&steps.subject, limit, window_ms);
    ledger_init(&steps.ledger, limit, window_ms);
    schedule_init(&steps.schedule, dice, limit);
    for (unsigned i = 0; holds && i < EVENTS_A_ROUND; i++)
        holds = step(&steps);
    ledger_clear(&steps.ledger);
    return holds;
}
