/*
 * kind_steps.c - the counters' clock steps back at random; judged in true
 * time. Never more than N all the same, and whoever waits for W + 1 ms after
 * his next request is free. A fixed window ends at most U + 1 s after the next
 * event.
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

static uint32_t count_fixed(struct steps *steps, struct charge *charge)
{
    struct trial *trial = steps->trial;

    trial->events++;
    trial->counters->charge(
        trial->counters, charge, 1, false, trial->now_us - steps->behind_us);
    return charge->used;
}

static bool fixed_heals(struct steps *steps)
{
    struct trial *trial = steps->trial;
    struct dice *dice = &trial->dice;
    struct charge charge =
        trial_sliding(&steps->subject, 0, dice_magnitude(dice, 1, 3600) * 1000);

    charge.kind = CHARGE_FIXED;
    if (count_fixed(steps, &charge) != 1)
        return trial_fail(trial, &charge, "the first event is not the first");
    steps->behind_us += dice_magnitude(dice, 1000000, YEAR_US / 100);
    if (count_fixed(steps, &charge) != 2)
        return trial_fail(trial, &charge, "a step of the clock lost a count");
    trial->now_us += charge.window_ms * 1000 + 1000000;
    return count_fixed(steps, &charge) == 1 ||
           trial_fail(trial, &charge, "a fixed window is stuck");
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
    return holds && fixed_heals(&steps);
}
