/*
 * kind_distinct.c - different values in a window, against an exact log of when
 * each was admitted last: the promises of core/distinct.h at every answer. A
 * Redis is held to what the memory store says of the same events, too.
 */
#include "tests/property/trial.h"

#include "common/core/distinct.h"

#define VALUES         2000
#define EVENTS_A_ROUND 400
#define HASH_STEP      (DISTINCT_NONE / VALUES)

struct distinct_trial {
    struct trial *trial;
    struct counters *twin; /* NULL: the memory store itself is on trial */
    struct subject subject, other;
    struct charge charge;
    uint32_t hashes[VALUES];
    uint64_t seen_ms[VALUES]; /* when it was admitted last; 0: never */
    uint64_t begun_ms;        /* of a fixed window */
    unsigned values;          /* of them, how many there are */
    double mean_us;
    bool moves; /* N and W change, as by reloads: judged by the twin alone */
};

static void set_up(struct distinct_trial *distinct)
{
    struct trial *trial = distinct->trial;
    struct dice *dice = &trial->dice;
    uint32_t limit = (uint32_t)dice_magnitude(
        dice, 1, dice_chance(dice, 80) ? 100 : DISTINCT_MAX);

    distinct->subject = trial_subject(trial, 0);
    distinct->other = trial_subject(trial, 1);
    distinct->charge = trial_sliding(
        &distinct->subject, limit, dice_magnitude(dice, 1, 86400000));
    distinct->charge.kind =
        dice_chance(dice, 70) ? CHARGE_DISTINCT : CHARGE_DISTINCT_FIXED;
    distinct->values = (unsigned)dice_between(dice, limit / 2 + 1, 2 * limit);
    distinct->moves = dice_chance(dice, 10);
    distinct->mean_us = (double)distinct->charge.window_ms * 1000 / limit /
                        (double)dice_between(dice, 1, 6);
    for (unsigned i = 0; i < distinct->values; i++)
        distinct->hashes[i] =
            (uint32_t)(i * HASH_STEP + dice_below(dice, HASH_STEP));
}

static bool is_fixed(const struct distinct_trial *distinct)
{
    return distinct->charge.kind == CHARGE_DISTINCT_FIXED;
}

/* Different hashes admitted at from_ms or later. */
static uint32_t seen_since(
    const struct distinct_trial *distinct, uint64_t from_ms)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < distinct->values; i++)
        count += distinct->seen_ms[i] >= from_ms && distinct->seen_ms[i] > 0;
    return count;
}

/* Of what is counted now: at least, and at most. */
static uint32_t counted(
    const struct distinct_trial *distinct, bool with_margin, uint64_t now_ms)
{
    uint64_t span = distinct->charge.window_ms;

    if (is_fixed(distinct))
        return now_ms > distinct->begun_ms + span
                   ? 0
                   : seen_since(distinct, distinct->begun_ms);
    if (with_margin)
        span += span / 14 + 15;
    return seen_since(distinct, now_ms > span ? now_ms - span : 0);
}

/* So many are never refused. */
static uint32_t promised(uint32_t limit)
{
    if (limit <= DISTINCT_EXACT)
        return limit;
    return limit <= 500 ? limit * 3 / 4 : limit * 2 / 3;
}

static void admit(struct distinct_trial *distinct, unsigned value)
{
    uint64_t now_ms = distinct->trial->now_us / 1000;

    if (is_fixed(distinct) &&
        now_ms > distinct->begun_ms + distinct->charge.window_ms)
        distinct->begun_ms = now_ms;
    distinct->seen_ms[value] = now_ms;
}

static bool differs(const struct charge *a, const struct charge *b)
{
    return a->used != b->used || a->retry_ms != b->retry_ms ||
           a->refused != b->refused;
}

/* Of the first charge the answer. NULL, or what is wrong. */
static const char *ask(struct distinct_trial *distinct, struct charge *charges,
    size_t count, bool peek, bool *passes_r)
{
    struct trial *trial = distinct->trial;
    struct charge twins[2] = {charges[0], charges[1]};

    trial->events++;
    *passes_r = trial->counters->charge(
        trial->counters, charges, count, peek, trial->now_us);
    if (distinct->twin == NULL)
        return NULL;
    distinct->twin->charge(distinct->twin, twins, count, peek, trial->now_us);
    if (differs(&charges[0], &twins[0]))
        return "the memory store answers otherwise";
    return trial->counters->state_size(trial->counters, charges) > 155
               ? "a value of more than 155 bytes"
               : NULL;
}

static const char *judge(const struct distinct_trial *distinct,
    const struct charge *charge, unsigned value)
{
    uint64_t now_ms = distinct->trial->now_us / 1000;
    uint32_t least = counted(distinct, false, now_ms);
    uint32_t most = counted(distinct, true, now_ms);
    uint32_t limit = charge->limit;
    bool is_there = distinct->seen_ms[value] > 0 &&
                    distinct->seen_ms[value] + charge->window_ms >= now_ms;

    if (charge->refused && is_there && !is_fixed(distinct) &&
        limit <= DISTINCT_EXACT)
        return "refused a value that is there";
    if (charge->refused && most + 1 <= promised(limit))
        return "refused below the margin";
    if (!charge->refused && !is_there && limit <= DISTINCT_EXACT &&
        least + 1 > limit)
        return "one too many";
    if (!charge->refused && !is_there && least + 1 > limit + limit / 2 + 1)
        return "far too many";
    return NULL;
}

/* As promised, and not before. */
static const char *judge_retry(
    struct distinct_trial *distinct, struct charge *charge)
{
    uint64_t retry_us = (uint64_t)charge->retry_ms * 1000;
    struct trial *trial = distinct->trial;
    struct charge charges[2] = {*charge};
    bool passes;

    if (charge->retry_ms < 1)
        return "a retry that is past";
    trial->now_us += retry_us - retry_us % 1000;
    trial->now_us -= trial->now_us % 1000 + 1;
    const char *fault = ask(distinct, charges, 1, true, &passes);
    if (fault == NULL && !charges[0].refused)
        return "passes before the retry";
    trial->now_us += 1;
    if (fault == NULL)
        fault = ask(distinct, charges, 1, true, &passes);
    return fault == NULL && charges[0].refused ? "refused at the retry" : fault;
}

/* A longer window finds no more than what its key has lived for. */
static void move(struct distinct_trial *distinct)
{
    struct dice *dice = &distinct->trial->dice;

    distinct->charge.limit = (uint32_t)dice_magnitude(dice, 1, 200);
    distinct->charge.window_ms -= dice_below(dice, distinct->charge.window_ms);
}

static const char *step(struct distinct_trial *distinct)
{
    struct trial *trial = distinct->trial;
    struct dice *dice = &trial->dice;
    unsigned value = (unsigned)dice_below(dice, distinct->values);
    size_t count = dice_chance(dice, 20) ? 2 : 1;
    bool peek = dice_chance(dice, 10), passes;

    trial->now_us += dice_gap(dice, distinct->mean_us);
    if (distinct->moves && dice_chance(dice, 2))
        move(distinct);
    struct charge charges[2] = {
        distinct->charge, trial_sliding(&distinct->other, 1, 1000)};
    charges[0].value = distinct->hashes[value];
    charges[0].shadow = dice_chance(dice, 10);
    charges[1].amount = dice_chance(dice, 50) ? 2 : 1; /* 2: never passes */
    const char *fault = ask(distinct, charges, count, peek, &passes);
    if (fault == NULL && !distinct->moves)
        fault = judge(distinct, &charges[0], value);
    if (fault == NULL && passes && !peek && !charges[0].refused)
        admit(distinct, value);
    if (fault == NULL && charges[0].refused && !distinct->moves &&
        dice_chance(dice, 20))
        fault = judge_retry(distinct, &charges[0]);
    distinct->charge.used = charges[0].used;
    distinct->charge.refused = charges[0].refused;
    distinct->charge.retry_ms = charges[0].retry_ms;
    return fault;
}

bool kind_distinct(struct trial *trial)
{
    struct distinct_trial distinct = {.trial = trial};
    const char *fault = NULL;

    if (trial->counters->script != NULL)
        distinct.twin = counters_memory_new();
    set_up(&distinct);
    for (unsigned i = 0; fault == NULL && i < EVENTS_A_ROUND; i++)
        fault = step(&distinct);
    if (distinct.twin != NULL)
        distinct.twin->free(distinct.twin);
    return fault == NULL || trial_fail(trial, &distinct.charge, fault);
}
