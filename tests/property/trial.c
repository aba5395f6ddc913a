/* trial.c - what all kinds of trial share. */
#include "tests/property/trial.h"

#include <inttypes.h>
#include <stdio.h>

struct subject trial_subject(const struct trial *trial, unsigned number)
{
    struct subject subject;
    int len = snprintf(subject.text, sizeof subject.text,
        "%s-%" PRIu64 "-%u-%u", trial->kind, trial->seed, trial->round, number);

    subject.len = (uint8_t)len;
    return subject;
}

struct charge trial_sliding(
    const struct subject *subject, uint32_t limit, uint64_t window_ms)
{
    return (struct charge){.kind = CHARGE_SLIDING,
        .subject = subject,
        .name = "x",
        .limit = limit,
        .amount = 1,
        .window_ms = window_ms};
}

bool trial_fail(
    struct trial *trial, const struct charge *charge, const char *why)
{
    (void)snprintf(trial->fault, sizeof trial->fault,
        "%s, at %" PRIu64 " us of round %u: N %u, W %" PRIu64
        " ms, n %u -> %s, used %u, retry %" PRId64,
        why, trial->now_us, trial->round, charge->limit, charge->window_ms,
        charge->amount, charge->refused ? "refused" : "passed", charge->used,
        charge->retry_ms);
    return false;
}
