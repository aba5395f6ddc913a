/*
 * kind_one.c - one limit under adversarial schedules.
 *
 * Each answer is held to the ledger; a peek must say what the charge after it
 * does; a promised retry must be exact: refused 1 ms before, admitted then;
 * the state must stay as small as promised.
 */
#include "tests/property/ledger.h"
#include "tests/property/schedule.h"
#include "tests/property/trial.h"

#define EVENTS_A_ROUND 250
#define DAY_MS         86400000

struct one {
    struct trial *trial;
    struct subject subject;
    struct charge charge;
    struct ledger ledger;
    struct schedule schedule;
};

static bool ask(struct one *one, bool peek)
{
    struct trial *trial = one->trial;

    trial->events++;
    return trial->counters->charge(
        trial->counters, &one->charge, 1, peek, trial->now_us);
}

static bool judge(struct one *one, bool passes, bool peek)
{
    struct trial *trial = one->trial;
    const char *fault = ledger_judge(
        &one->ledger, &one->charge, passes && !peek, trial->now_us);

    if (fault == NULL && passes == one->charge.refused)
        fault = "the request and its only limit disagree";
    return fault == NULL || trial_fail(trial, &one->charge, fault);
}

static bool peek_agrees(struct one *one)
{
    bool would_pass = ask(one, true);
    struct charge peeked = one->charge;
    bool passes = ask(one, false);

    if (passes != would_pass || peeked.retry_ms != one->charge.retry_ms ||
        peeked.used + (passes ? peeked.amount : 0) != one->charge.used)
        return trial_fail(one->trial, &one->charge, "not as the peek said");
    return judge(one, passes, false);
}

/* Goes to the promised moment; the limit has just refused. */
static bool retry_is_exact(struct one *one)
{
    struct trial *trial = one->trial;
    uint64_t promised_us =
        (trial->now_us / 1000 + (uint64_t)one->charge.retry_ms) * 1000;

    if (promised_us - 1 > trial->now_us) {
        trial->now_us = promised_us - 1;
        if (!judge(one, ask(one, true), true))
            return false;
        if (one->charge.retry_ms != 1)
            return trial_fail(trial, &one->charge, "free before the retry");
    }
    trial->now_us = promised_us + dice_below(&trial->dice, 1000);
    if (!judge(one, ask(one, false), false))
        return false;
    return !one->charge.refused ||
           trial_fail(trial, &one->charge, "refused at the retry");
}

static bool state_is_small(struct one *one)
{
    struct counters *counters = one->trial->counters;
    size_t slots = one->charge.limit < 17 ? one->charge.limit : 17;

    return counters->state_size(counters, &one->charge) <= 6 + 12 * slots ||
           trial_fail(one->trial, &one->charge, "the state has grown");
}

static bool step(struct one *one)
{
    struct trial *trial = one->trial;
    struct dice *dice = &trial->dice;

    trial->now_us =
        schedule_next(&one->schedule, dice, &one->ledger, trial->now_us);
    one->charge.amount =
        schedule_amount(&one->schedule, dice, &one->ledger, trial->now_us);
    if (dice_chance(dice, 20)) {
        if (!peek_agrees(one))
            return false;
    } else if (!judge(one, ask(one, false), false)) {
        return false;
    }
    if (one->charge.retry_ms > 0) {
        one->schedule.promise_us =
            (trial->now_us / 1000 + (uint64_t)one->charge.retry_ms) * 1000;
        if (dice_chance(dice, 15) && !retry_is_exact(one))
            return false;
    }
    return !dice_chance(dice, 5) || state_is_small(one);
}

bool kind_one(struct trial *trial)
{
    struct dice *dice = &trial->dice;
    struct one one = {.trial = trial};
    uint32_t limit = (uint32_t)dice_magnitude(dice, 1, 3000);
    uint64_t window_ms = dice_magnitude(dice, 1, DAY_MS);
    bool holds = true;

    one.subject = trial_subject(trial, 0);
    one.charge = trial_sliding(&one.subject, limit, window_ms);
    ledger_init(&one.ledger, limit, window_ms);
    schedule_init(&one.schedule, dice, limit);
    for (unsigned i = 0; holds && i < EVENTS_A_ROUND; i++)
        holds = step(&one);
    ledger_clear(&one.ledger);
    return holds;
}
