/*
 * limits_property.c - puts the limits on trial: the memory store under a
 * virtual clock, or store.lua in a real Redis.
 *
 *   limits_property [--seed N] [--events N] [--kinds one,margin,...]
 *     on the memory store, or with --socket PATH --script FILE on a Redis:
 *     --clock-page FILE  under clock_shim.c, which follows the test's clock
 *     --race SECONDS     on the real clock, processes that race
 *
 * One line a kind, `ok` or `FAIL` with what repeats it. Exit 0 if all hold,
 * 1 if one does not, 2 if nothing could be tried.
 */
#include "tests/property/trial.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US 1700000000000000u

struct options {
    uint64_t seed, events;
    const char *kinds; /* NULL: all */
    const char *socket_path, *script_path, *clock_page;
    unsigned race_seconds;
};

static const struct kind {
    const char *name;
    bool (*round)(struct trial *);
    bool needs_redis;
} kinds[] = {
    {"one", kind_one, false},
    {"margin", kind_margin, false},
    {"several", kind_several, false},
    {"fixed", kind_fixed, false},
    {"lease", kind_lease, true},
    {"distinct", kind_distinct, false},
    {"steps", kind_steps, false},
};

static void parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},
        {"events", required_argument, NULL, 'e'},
        {"kinds", required_argument, NULL, 'k'},
        {"socket", required_argument, NULL, 'S'},
        {"script", required_argument, NULL, 'x'},
        {"clock-page", required_argument, NULL, 'c'},
        {"race", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 's':
            options->seed = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            options->events = strtoull(optarg, NULL, 10);
            break;
        case 'k':
            options->kinds = optarg;
            break;
        case 'S':
            options->socket_path = optarg;
            break;
        case 'x':
            options->script_path = optarg;
            break;
        case 'c':
            options->clock_page = optarg;
            break;
        case 'r':
            options->race_seconds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
}

/* Is name an item of a list with commas? */
static bool is_listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static void report(bool holds, const char *store, const char *kind,
    uint64_t events, const char *fault)
{
    printf("%s %s %s: %" PRIu64 " events%s%s\n", holds ? "ok  " : "FAIL", store,
        kind, events, holds ? "" : ": ", holds ? "" : fault);
    fflush(stdout);
}

static bool run_kind(const struct kind *kind, struct counters *counters,
    const struct options *options, uint64_t *now_us)
{
    struct trial trial = {.counters = counters,
        .kind = kind->name,
        .seed = options->seed,
        .dice = {.state = options->seed},
        .now_us = *now_us};
    bool holds = true;

    while (holds && trial.events < options->events) {
        trial.round++;
        trial.now_us += 1000000;
        holds = kind->round(&trial);
    }
    *now_us = trial.now_us;
    report(holds, counters->name, kind->name, trial.events, trial.fault);
    return holds;
}

static bool run_kinds(const struct options *options)
{
    struct counters *counters =
        options->socket_path == NULL
            ? counters_memory_new()
            : counters_redis_new(options->socket_path, options->script_path,
                  options->clock_page);
    uint64_t now_us = START_US;
    bool holds = true;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].needs_redis && counters->script == NULL)
            continue;
        if (options->kinds != NULL && !is_listed(options->kinds, kinds[i].name))
            continue;
        holds = run_kind(&kinds[i], counters, options, &now_us) && holds;
    }
    counters->free(counters);
    return holds;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .events = 100000};
    uint64_t events = 0;
    bool holds;

    parse_options(argc, argv, &options);
    if (options.socket_path != NULL && options.script_path == NULL) {
        fprintf(stderr, "limits_property: --socket needs --script\n");
        return 2;
    }
    if (options.race_seconds == 0)
        return run_kinds(&options) ? 0 : 1;
    holds = race_run(options.socket_path, options.script_path, options.seed,
        options.race_seconds, &events);
    report(holds, "redis", "race", events, "see above");
    return holds ? 0 : 1;
}
