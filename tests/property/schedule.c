/* schedule.c - see schedule.h. */
#include "tests/property/schedule.h"

#define AMOUNT_MAX 1000

static uint64_t nudge(struct dice *dice, uint64_t at_us)
{
    static const int64_t nudges[] = {-1000, -999, -1, 0, 1, 999, 1000};

    return at_us + (uint64_t)nudges[dice_below(dice, 7)];
}

void schedule_init(struct schedule *schedule, struct dice *dice, uint32_t limit)
{
    *schedule = (struct schedule){
        .mode = (enum schedule_mode)dice_below(dice, SCHEDULE_MODES),
        .rate = 0.3 + (double)dice_below(dice, 401) / 100,
        .amount_max = 1,
    };
    if (dice_chance(dice, 50)) {
        schedule->amount_max = (uint32_t)dice_magnitude(
            dice, 1, limit < AMOUNT_MAX ? limit : AMOUNT_MAX);
    }
}

static uint64_t poisson(const struct schedule *schedule, struct dice *dice,
    const struct ledger *ledger, uint64_t now_us)
{
    double mean_amount = (1.0 + schedule->amount_max) / 2;
    double gap_us = (double)ledger->window_us * mean_amount /
                    ((double)ledger->limit * schedule->rate);

    return now_us + dice_gap(dice, gap_us);
}

static uint64_t burst(
    struct dice *dice, const struct ledger *ledger, uint64_t now_us)
{
    if (dice_chance(dice, 85))
        return now_us;
    return now_us + dice_gap(dice, (double)ledger->window_us / 4);
}

static uint64_t part_edge(
    struct dice *dice, const struct ledger *ledger, uint64_t now_us)
{
    uint64_t ahead = dice_below(dice, 3);
    uint64_t part = now_us * 16 / ledger->window_us + ahead;

    return nudge(dice, (part * ledger->window_us + 15) / 16);
}

static uint64_t event_edge(
    struct dice *dice, const struct ledger *ledger, uint64_t now_us)
{
    uint64_t spans[] = {
        ledger->window_us, ledger->window_us + 1000, ledger->margin_us};
    size_t recent = ledger->count < 40 ? ledger->count : 40;

    if (recent == 0)
        return now_us;
    return nudge(dice,
        ledger->lines[ledger->count - 1 - dice_below(dice, recent)].at_us +
            spans[dice_below(dice, 3)]);
}

static uint64_t retry(
    const struct schedule *schedule, struct dice *dice, uint64_t now_us)
{
    if (schedule->promise_us < now_us)
        return now_us + dice_below(dice, 3) * 500;
    if (dice_chance(dice, 50))
        return nudge(dice, schedule->promise_us);
    return schedule->promise_us + dice_below(dice, 3000) - 1500;
}

static uint64_t next_of(const struct schedule *schedule,
    enum schedule_mode mode, struct dice *dice, const struct ledger *ledger,
    uint64_t now_us)
{
    switch (mode) {
    case SCHEDULE_BURST:
        return burst(dice, ledger, now_us);
    case SCHEDULE_PART_EDGE:
        return part_edge(dice, ledger, now_us);
    case SCHEDULE_EVENT_EDGE:
        return event_edge(dice, ledger, now_us);
    case SCHEDULE_RETRY:
        return retry(schedule, dice, now_us);
    default:
        return poisson(schedule, dice, ledger, now_us);
    }
}

uint64_t schedule_next(const struct schedule *schedule, struct dice *dice,
    const struct ledger *ledger, uint64_t now_us)
{
    enum schedule_mode mode = schedule->mode;
    uint64_t next_us;

    if (mode == SCHEDULE_MIX || dice_chance(dice, 10))
        mode = (enum schedule_mode)dice_below(dice, SCHEDULE_MIX);
    next_us = next_of(schedule, mode, dice, ledger, now_us);
    return next_us < now_us ? now_us : next_us;
}

uint32_t schedule_amount(const struct schedule *schedule, struct dice *dice,
    const struct ledger *ledger, uint64_t now_us)
{
    uint64_t held = ledger_sum_window(ledger, now_us);

    if (dice_chance(dice, 2))
        return ledger->limit + 1;
    if (dice_chance(dice, 15) && held < ledger->limit)
        return (uint32_t)(ledger->limit - held);
    return (uint32_t)dice_between(dice, 1, schedule->amount_max);
}
