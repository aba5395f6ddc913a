/*
 * kind_lease.c - up to 10 daemons hold connections of a few clients, renew
 * them in batches, die without a word and come back under the same id. Every
 * answer equals an exact model: a count stays until its expiry, never longer.
 */
#include "tests/property/script.h"
#include "tests/property/trial.h"

#include <stdio.h>
#include <string.h>

#define DAEMONS_MAX    10
#define CLIENTS        3
#define EVENTS_A_ROUND 200

struct holder {
    uint64_t expiry_ms; /* 0: no lease */
    uint32_t count;     /* as Redis knows it */
    uint32_t mine;      /* as the daemon knows it */
};

struct leases {
    struct trial *trial;
    unsigned daemons;
    uint32_t limit;
    uint64_t ttl_ms;
    struct subject subjects[CLIENTS];
    struct holder holders[DAEMONS_MAX][CLIENTS];
};

static struct script_limit make_lease(
    const struct leases *leases, unsigned daemon, unsigned client)
{
    struct script_limit lease = {.kind = 'l',
        .limit = leases->limit,
        .span = leases->ttl_ms,
        .last_len = 8};

    (void)snprintf(
        lease.key, sizeof lease.key, "t:{%s}l", leases->subjects[client].text);
    memcpy(lease.last, "daemon\0", 7);
    lease.last[7] = (char)(0xf5 + daemon);
    return lease;
}

static void call(
    struct leases *leases, char mode, struct script_limit *limits, size_t count)
{
    struct counters *counters = leases->trial->counters;

    counters->set_clock(counters, leases->trial->now_us);
    script_call(counters->script, mode, limits, count);
}

static uint64_t count_others(
    const struct leases *leases, unsigned daemon, unsigned client)
{
    uint64_t now_ms = leases->trial->now_us / 1000, others = 0;

    for (unsigned i = 0; i < leases->daemons; i++) {
        const struct holder *holder = &leases->holders[i][client];

        if (i != daemon && holder->expiry_ms > now_ms)
            others += holder->count;
    }
    return others;
}

static bool fail(
    struct leases *leases, const struct script_limit *lease, const char *why)
{
    struct charge charge = {.limit = (uint32_t)lease->limit,
        .window_ms = lease->span,
        .amount = (uint32_t)lease->amount,
        .used = (uint32_t)lease->used,
        .refused = lease->retry != 0,
        .retry_ms = lease->retry};

    return trial_fail(leases->trial, &charge, why);
}

static void write_down(
    struct leases *leases, unsigned daemon, unsigned client, uint32_t mine)
{
    struct holder *holder = &leases->holders[daemon][client];

    holder->mine = mine;
    holder->count = mine;
    holder->expiry_ms =
        mine == 0 ? 0 : leases->trial->now_us / 1000 + leases->ttl_ms;
}

static bool try_one(struct leases *leases, unsigned daemon, unsigned client)
{
    struct holder *holder = &leases->holders[daemon][client];
    struct script_limit lease = make_lease(leases, daemon, client);
    uint64_t others = count_others(leases, daemon, client);
    bool peek = dice_chance(&leases->trial->dice, 10);
    bool passes;

    lease.amount = holder->mine + 1;
    lease.kind = dice_chance(&leases->trial->dice, 10) ? 'L' : 'l';
    passes = others + lease.amount <= leases->limit;
    call(leases, peek ? 'p' : 'c', &lease, 1);
    if (lease.retry != (passes ? 0 : (int64_t)leases->ttl_ms))
        return fail(leases, &lease, "a lease passes or not, wrongly");
    if (lease.used !=
        (int64_t)(others + lease.amount) - (passes && !peek ? 0 : 1))
        return fail(leases, &lease, "the sum of leases is wrong");
    if (passes && !peek)
        write_down(leases, daemon, client, (uint32_t)lease.amount);
    return true;
}

/* Sets absolute counts of several clients in one call, without a check. */
static bool set_all(struct leases *leases, unsigned daemon, bool with_release)
{
    struct script_limit set[CLIENTS];

    for (unsigned i = 0; i < CLIENTS; i++) {
        uint32_t mine = leases->holders[daemon][i].mine;

        set[i] = make_lease(leases, daemon, i);
        set[i].limit = 0;
        if (with_release && mine > 0)
            mine -= (uint32_t)dice_between(&leases->trial->dice, 1, mine);
        set[i].amount = mine;
    }
    call(leases, 'c', set, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (set[i].used !=
            (int64_t)(count_others(leases, daemon, i) + set[i].amount))
            return fail(leases, &set[i], "the sum after a renewal is wrong");
        write_down(leases, daemon, i, (uint32_t)set[i].amount);
    }
    return true;
}

/* It forgets; what Redis knows stays until it expires. */
static void kill_daemon(struct leases *leases, unsigned daemon)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        leases->holders[daemon][i].mine = 0;
}

static bool step(struct leases *leases)
{
    struct trial *trial = leases->trial;
    struct dice *dice = &trial->dice;
    unsigned daemon = (unsigned)dice_below(dice, leases->daemons);
    unsigned client = (unsigned)dice_below(dice, CLIENTS);
    uint64_t what = dice_below(dice, 100);
    uint64_t expiry_us = leases->holders[daemon][client].expiry_ms * 1000;

    trial->now_us += dice_gap(dice, (double)leases->ttl_ms * 1000 / 20);
    if (dice_chance(dice, 15) && expiry_us > trial->now_us)
        trial->now_us = expiry_us + dice_below(dice, 3) - 1;
    trial->events++;
    if (what < 60)
        return try_one(leases, daemon, client);
    if (what < 95)
        return set_all(leases, daemon, what >= 75);
    kill_daemon(leases, daemon);
    return true;
}

bool kind_lease(struct trial *trial)
{
    struct dice *dice = &trial->dice;
    struct leases leases = {.trial = trial,
        .daemons = (unsigned)dice_between(dice, 1, DAEMONS_MAX),
        .limit = (uint32_t)dice_between(dice, 1, 20),
        .ttl_ms = dice_magnitude(dice, 100, 60000)};

    for (unsigned i = 0; i < CLIENTS; i++)
        leases.subjects[i] = trial_subject(trial, i);
    for (unsigned i = 0; i < EVENTS_A_ROUND; i++) {
        if (!step(&leases))
            return false;
    }
    return true;
}
