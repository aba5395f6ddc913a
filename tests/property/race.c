/*
 * race.c - the real clock: 1 to 4 processes race for one key, W of 1 to 3 s.
 *
 * Each writes down when it sent a charge and when it saw the answer; the
 * admission lies between. What must hold for every choice of moments in these
 * spans is judged afterwards: units that surely lie within one W are at most
 * N, and who was refused may have had more than N with all that may have been
 * in the margin.
 */
#include "tests/property/counters.h"
#include "tests/property/ledger.h"
#include "tests/property/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RACES         4
#define SIGHTINGS_MAX 8192 /* of one process */

static const struct {
    unsigned processes;
    uint32_t limit;
    uint64_t window_ms;
    uint32_t amount_max;
} races[RACES] = {
    {1, 5, 1000, 1},
    {2, 40, 1700, 3},
    {3, 300, 2300, 20},
    {4, 100, 3000, 1},
};

struct sighting {
    uint64_t sent_us, seen_us;
    uint32_t amount;
    bool is_admitted;
};

struct racer {
    size_t count;
    struct sighting sightings[SIGHTINGS_MAX];
};

static uint64_t wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void pause_us(uint64_t us)
{
    struct timespec span = {.tv_sec = (time_t)(us / 1000000),
        .tv_nsec = (long)(us % 1000000) * 1000};

    nanosleep(&span, NULL);
}

/* Six times what the limit allows, all processes together, in little bursts. */
static void run_racer(struct racer *racer, unsigned number,
    struct counters *counters, struct charge *charge, struct dice *dice,
    uint64_t end_us)
{
    double gap_us = (double)charge->window_ms * 1000 *
                    (1 + races[number].amount_max) / 2 *
                    races[number].processes / (6.0 * charge->limit);

    while (wall_us() < end_us && racer->count < SIGHTINGS_MAX) {
        struct sighting *sighting = &racer->sightings[racer->count++];

        charge->amount =
            (uint32_t)dice_between(dice, 1, races[number].amount_max);
        sighting->amount = charge->amount;
        sighting->sent_us = wall_us();
        sighting->is_admitted = counters->charge(counters, charge, 1, false, 0);
        sighting->seen_us = wall_us();
        if (dice_chance(dice, 50))
            pause_us(dice_gap(dice, 2 * gap_us));
    }
}

static const char *judge_strict(
    const struct ledger *ledger, const struct sighting *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t end_us = all[i].sent_us + ledger->window_us, units = 0;

        for (size_t j = i; j < count && all[j].sent_us <= end_us; j++) {
            if (all[j].is_admitted && all[j].seen_us <= end_us)
                units += all[j].amount;
        }
        if (all[i].is_admitted && units > ledger->limit)
            return "more than N in W";
    }
    return NULL;
}

static const char *judge_margin(
    const struct ledger *ledger, const struct sighting *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t from_us = all[i].sent_us - ledger->margin_us;
        uint64_t units = all[i].amount;

        if (all[i].is_admitted)
            continue;
        for (size_t j = 0; j < count && all[j].sent_us <= all[i].seen_us; j++) {
            if (all[j].is_admitted && all[j].seen_us > from_us)
                units += all[j].amount;
        }
        if (units <= ledger->limit)
            return "refused under the margin";
    }
    return NULL;
}

static int by_sent(const void *a, const void *b)
{
    const struct sighting *one = a, *other = b;

    return (one->sent_us > other->sent_us) - (one->sent_us < other->sent_us);
}

static bool judge(
    unsigned number, const struct racer *racers, uint64_t *events_r)
{
    static struct sighting all[RACES * SIGHTINGS_MAX];
    struct ledger ledger;
    const char *fault;
    size_t count = 0, admitted = 0;

    for (unsigned i = 0; i < races[number].processes; i++) {
        for (size_t j = 0; j < racers[i].count; j++)
            all[count++] = racers[i].sightings[j];
    }
    qsort(all, count, sizeof all[0], by_sent);
    for (size_t i = 0; i < count; i++)
        admitted += all[i].is_admitted;
    ledger_init(&ledger, races[number].limit, races[number].window_ms);
    fault = judge_strict(&ledger, all, count);
    if (fault == NULL)
        fault = judge_margin(&ledger, all, count);
    if (fault == NULL && (admitted == 0 || admitted == count))
        fault = "nothing to judge: all admitted, or none";
    *events_r += count;
    if (fault != NULL)
        printf("race of %u, N %u, W %" PRIu64 " ms: %s\n",
            races[number].processes, ledger.limit, races[number].window_ms,
            fault);
    return fault == NULL;
}

static void race_child(struct racer *racer, unsigned number, unsigned child,
    const char *socket_path, const char *script_path, uint64_t seed,
    uint64_t end_us)
{
    struct counters *counters =
        counters_redis_new(socket_path, script_path, NULL);
    struct dice dice = {.state = seed * 64 + number * 8 + child};
    struct subject subject = {.len = 0};
    struct charge charge;

    subject.len = (uint8_t)snprintf(
        subject.text, sizeof subject.text, "race-%" PRIu64 "-%u", seed, number);
    charge =
        trial_sliding(&subject, races[number].limit, races[number].window_ms);
    run_racer(racer, number, counters, &charge, &dice, end_us);
    counters->free(counters);
}

bool race_run(const char *socket_path, const char *script_path, uint64_t seed,
    unsigned seconds, uint64_t *events_r)
{
    size_t size = RACES * RACES * sizeof(struct racer);
    struct racer(*racers)[RACES] = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t end_us = wall_us() + (uint64_t)seconds * 1000000;
    bool holds = racers != MAP_FAILED;
    int status;

    for (unsigned i = 0; holds && i < RACES; i++) {
        for (unsigned j = 0; j < races[i].processes; j++) {
            if (fork() != 0)
                continue;
            race_child(
                &racers[i][j], i, j, socket_path, script_path, seed, end_us);
            _exit(0);
        }
    }
    while (wait(&status) != -1)
        holds = holds && status == 0;
    for (unsigned i = 0; holds && i < RACES; i++)
        holds = judge(i, racers[i], events_r);
    if (racers != MAP_FAILED)
        munmap(racers, size);
    return holds;
}
