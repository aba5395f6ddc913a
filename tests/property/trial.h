/*
 * trial.h - one run of schedules against counters; the kinds of them.
 *
 * A kind plays one round (a few hundred events on keys of its own) and
 * returns true, or false with `fault` set by trial_fail.
 */
#ifndef TOLLGATE_TESTS_TRIAL_H
#define TOLLGATE_TESTS_TRIAL_H

#include "tests/property/counters.h"
#include "tests/property/dice.h"

struct trial {
    struct counters *counters;
    const char *kind;
    uint64_t seed;
    struct dice dice;
    uint64_t now_us; /* true time: never goes back */
    uint64_t events; /* so far */
    unsigned round;
    char fault[512];
};

/* A sliding limit under trial; its name and subject are the round's own. */
struct subject trial_subject(const struct trial *, unsigned number);
struct charge trial_sliding(
    const struct subject *, uint32_t limit, uint64_t window_ms);

/* Always false. */
bool trial_fail(struct trial *, const struct charge *, const char *why);

bool kind_one(struct trial *);      /* one limit, adversarial schedules */
bool kind_margin(struct trial *);   /* a client just under its margin */
bool kind_several(struct trial *);  /* 1-6 limits of 8, all or nothing */
bool kind_fixed(struct trial *);    /* anvil, event by event */
bool kind_steps(struct trial *);    /* the clock steps back */
bool kind_distinct(struct trial *); /* different values, by its margin */
bool kind_lease(struct trial *);    /* Redis only: daemons that die */

/* The real clock: processes that race; true if all promises held. */
bool race_run(const char *socket_path, const char *script_path, uint64_t seed,
    unsigned seconds, uint64_t *events_r);

#endif
