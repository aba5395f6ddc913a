/* ledger.c - see ledger.h; sums by bisection, so that long logs stay cheap. */
#include "tests/property/ledger.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *ledger, uint32_t limit, uint64_t window_ms)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->limit = limit;
    ledger->window_us = window_ms * 1000;
    ledger->margin_us = ledger->window_us + 1000;
    if (limit > 16)
        ledger->margin_us += (ledger->window_us + 15) / 16;
}

void ledger_clear(struct ledger *ledger)
{
    free(ledger->lines);
    ledger->lines = NULL;
}

void ledger_add(struct ledger *ledger, uint64_t at_us, uint32_t units)
{
    struct ledger_line line = {.at_us = at_us, .units = units};

    if (ledger->count == ledger->room) {
        ledger->room = ledger->room * 2 + 16;
        ledger->lines =
            xrealloc(ledger->lines, ledger->room * sizeof ledger->lines[0]);
    }
    if (ledger->count > 0) {
        const struct ledger_line *last = &ledger->lines[ledger->count - 1];

        line.before = last->before + last->units;
    }
    ledger->lines[ledger->count++] = line;
}

uint64_t ledger_sum_from(const struct ledger *ledger, uint64_t from_us)
{
    const struct ledger_line *last;
    size_t low = 0, high = ledger->count;

    if (ledger->count == 0)
        return 0;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ledger->lines[middle].at_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    last = &ledger->lines[ledger->count - 1];
    return last->before + last->units -
           (low < ledger->count ? ledger->lines[low].before
                                : last->before + last->units);
}

uint64_t ledger_sum_window(const struct ledger *ledger, uint64_t now_us)
{
    return ledger_sum_from(ledger, now_us - ledger->window_us);
}

uint64_t ledger_sum_margin(const struct ledger *ledger, uint64_t now_us)
{
    return ledger_sum_from(ledger, now_us - ledger->margin_us + 1);
}

static const char *judge_refusal(
    const struct ledger *ledger, const struct charge *answer, uint64_t now_us)
{
    if ((answer->retry_ms == CHARGE_NEVER) != (answer->amount > ledger->limit))
        return "`never` is for n > N, and only for it";
    if (answer->retry_ms == 0)
        return "refused without a retry";
    if (ledger_sum_margin(ledger, now_us) + answer->amount <= ledger->limit)
        return "refused under the margin";
    return NULL;
}

static const char *judge_pass(
    const struct ledger *ledger, const struct charge *answer, uint64_t now_us)
{
    if (answer->retry_ms != 0)
        return "passed with a retry";
    if (ledger_sum_window(ledger, now_us) + answer->amount > ledger->limit)
        return "more than N in W";
    return NULL;
}

const char *ledger_judge(struct ledger *ledger, const struct charge *answer,
    bool is_charged, uint64_t now_us)
{
    const char *fault = answer->refused ? judge_refusal(ledger, answer, now_us)
                                        : judge_pass(ledger, answer, now_us);

    if (fault != NULL)
        return fault;
    if (is_charged)
        ledger_add(ledger, now_us, answer->amount);
    if (answer->used < ledger_sum_window(ledger, now_us))
        return "used is less than what the window holds";
    if (answer->used > ledger_sum_margin(ledger, now_us))
        return "used is more than what the margin holds";
    return NULL;
}
