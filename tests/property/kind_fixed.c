/*
 * kind_fixed.c - a few clients of a fixed window, against a model of anvil:
 * equal at every event, lookups and events over the limit included.
 */
#include "tests/property/anvil_model.h"
#include "tests/property/trial.h"

#define CLIENTS        3
#define EVENTS_A_ROUND 200

struct fixed_trial {
    uint64_t unit_s;
    uint32_t limit; /* 0: report only */
    struct subject subjects[CLIENTS];
    struct anvil_model models[CLIENTS];
};

/*
 * Most events in the same second or the next; some as the window ends. None on
 * purpose in the last millisecond: a Redis 8 that comes by to clean up takes a
 * key away as that millisecond begins, a Redis 7, and who asks for the key, as
 * it ends (seen with 8.0.6).
 */
static uint64_t next_us(struct trial *trial, const struct fixed_trial *fixed)
{
    struct dice *dice = &trial->dice;
    const struct anvil_model *model = &fixed->models[dice_below(dice, CLIENTS)];
    uint64_t next = trial->now_us + dice_gap(dice, 1e6);

    if (dice_chance(dice, 20) && model->start_s > 0) {
        static const uint64_t edges[] = {0, 1001, 1002};
        next = (model->start_s + fixed->unit_s + 1) * 1000000 - 1001 +
               edges[dice_below(dice, 3)];
    } else if (dice_chance(dice, 10)) {
        next += dice_below(dice, fixed->unit_s * 2000000);
    }
    return next < trial->now_us ? trial->now_us : next;
}

static bool step(struct trial *trial, struct fixed_trial *fixed)
{
    struct dice *dice = &trial->dice;
    unsigned client = (unsigned)dice_below(dice, CLIENTS);
    bool peek = dice_chance(dice, 20);
    struct charge charge = trial_sliding(
        &fixed->subjects[client], fixed->limit, fixed->unit_s * 1000);
    uint64_t after;
    uint32_t expected;
    bool passes;

    charge.kind = CHARGE_FIXED;
    charge.field = (uint8_t)dice_below(dice, 3);
    charge.amount =
        dice_chance(dice, 80) ? 1 : (uint32_t)dice_between(dice, 1, 50);
    trial->now_us = next_us(trial, fixed);
    expected = anvil_model_add(&fixed->models[client], charge.field,
        peek ? 0 : charge.amount, fixed->unit_s, trial->now_us / 1000000);
    after = expected + (peek ? charge.amount : 0);
    trial->events++;
    passes = trial->counters->charge(
        trial->counters, &charge, 1, peek, trial->now_us);
    if (charge.used != expected)
        return trial_fail(trial, &charge, "anvil counts otherwise");
    if (passes != (fixed->limit == 0 || after <= fixed->limit))
        return trial_fail(trial, &charge, "count and answer disagree");
    if (!passes && charge.amount <= fixed->limit &&
        trial->now_us / 1000 + (uint64_t)charge.retry_ms !=
            (fixed->models[client].start_s + fixed->unit_s + 1) * 1000)
        return trial_fail(trial, &charge, "the retry is not the window's end");
    return true;
}

bool kind_fixed(struct trial *trial)
{
    struct dice *dice = &trial->dice;
    struct fixed_trial fixed = {.unit_s = dice_magnitude(dice, 1, 3600)};

    if (dice_chance(dice, 60))
        fixed.limit = (uint32_t)dice_magnitude(dice, 1, 100);
    for (unsigned i = 0; i < CLIENTS; i++)
        fixed.subjects[i] = trial_subject(trial, i);
    for (unsigned i = 0; i < EVENTS_A_ROUND; i++) {
        if (!step(trial, &fixed))
            return false;
    }
    return true;
}
