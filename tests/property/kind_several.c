/*
 * kind_several.c - requests of 1 to 6 limits out of 8, some of them shadows,
 * two of them fixed counters of one window: all or nothing, every answer held
 * to that limit's own ledger.
 */
#include "tests/property/anvil_model.h"
#include "tests/property/ledger.h"
#include "tests/property/schedule.h"
#include "tests/property/trial.h"

#define LIMITS         8
#define FIXED_FROM     6 /* limits 6 and 7 are fields of one fixed window */
#define SEVERAL_MAX    6
#define EVENTS_A_ROUND 150

struct several {
    struct trial *trial;
    struct subject subjects[LIMITS];
    struct charge limits[LIMITS];
    struct ledger ledgers[FIXED_FROM];
    struct anvil_model model;
    struct schedule schedule;
};

static void set_up(struct several *several)
{
    struct dice *dice = &several->trial->dice;
    uint64_t window_ms = dice_magnitude(dice, 20, 600000);
    uint32_t n = (uint32_t)dice_magnitude(dice, 1, 200);

    for (unsigned i = 0; i < LIMITS; i++) {
        struct charge *limit = &several->limits[i];
        bool is_fixed = i >= FIXED_FROM;

        several->subjects[i] =
            trial_subject(several->trial, is_fixed ? FIXED_FROM : i);
        *limit = trial_sliding(&several->subjects[i],
            (uint32_t)dice_between(dice, n / 2 + 1, n * 2),
            dice_between(dice, window_ms / 2, window_ms * 2));
        if (is_fixed) {
            limit->kind = CHARGE_FIXED;
            limit->field = (uint8_t)(i - FIXED_FROM);
            limit->limit = dice_chance(dice, 50) ? 0 : n * 4;
            limit->window_ms = 20000;
        } else {
            ledger_init(&several->ledgers[i], limit->limit, limit->window_ms);
        }
    }
    schedule_init(&several->schedule, dice, n);
}

/* The first `count` of a shuffle of all. */
static void choose(struct dice *dice, unsigned chosen[LIMITS], size_t count)
{
    for (unsigned i = 0; i < LIMITS; i++)
        chosen[i] = i;
    for (size_t i = 0; i < count; i++) {
        size_t j = i + dice_below(dice, LIMITS - i);
        unsigned swapped = chosen[i];

        chosen[i] = chosen[j];
        chosen[j] = swapped;
    }
}

static const char *judge_fixed(struct several *several,
    const struct charge *charge, bool peek, uint64_t now_us)
{
    uint32_t expected = anvil_model_add(&several->model, charge->field,
        peek ? 0 : charge->amount, charge->window_ms / 1000, now_us / 1000000);
    uint64_t after = expected + (peek ? charge->amount : 0);

    if (charge->used != expected)
        return "anvil counts otherwise";
    if (charge->refused != (charge->limit > 0 && after > charge->limit))
        return "count and answer disagree";
    return NULL;
}

static bool step(struct several *several)
{
    struct trial *trial = several->trial;
    struct dice *dice = &trial->dice;
    struct charge charges[SEVERAL_MAX];
    unsigned chosen[LIMITS];
    size_t count = dice_between(dice, 1, SEVERAL_MAX);
    bool peek = dice_chance(dice, 15);
    bool passes, expected = true;

    choose(dice, chosen, count);
    trial->now_us = schedule_next(&several->schedule, dice,
        &several->ledgers[dice_below(dice, FIXED_FROM)], trial->now_us);
    for (size_t i = 0; i < count; i++) {
        charges[i] = several->limits[chosen[i]];
        charges[i].shadow = dice_chance(dice, 25);
        charges[i].amount =
            (uint32_t)dice_between(dice, 1, several->schedule.amount_max);
    }
    trial->events++;
    passes = trial->counters->charge(
        trial->counters, charges, count, peek, trial->now_us);
    for (size_t i = 0; i < count; i++) {
        struct charge *charge = &charges[i];
        const char *fault =
            charge->kind == CHARGE_FIXED
                ? judge_fixed(several, charge, peek, trial->now_us)
                : ledger_judge(&several->ledgers[chosen[i]], charge,
                      passes && !peek && !charge->refused, trial->now_us);

        if (fault != NULL)
            return trial_fail(trial, charge, fault);
        expected = expected && (!charge->refused || charge->shadow);
    }
    return passes == expected ||
           trial_fail(trial, charges, "limits and request disagree");
}

bool kind_several(struct trial *trial)
{
    struct several several = {.trial = trial};
    bool holds = true;

    set_up(&several);
    for (unsigned i = 0; holds && i < EVENTS_A_ROUND; i++)
        holds = step(&several);
    for (unsigned i = 0; i < FIXED_FROM; i++)
        ledger_clear(&several.ledgers[i]);
    return holds;
}
