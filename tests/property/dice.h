/* dice.h - random choices that a seed repeats. */
#ifndef TOLLGATE_TESTS_DICE_H
#define TOLLGATE_TESTS_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state; /* the seed */
};

uint64_t dice_below(struct dice *, uint64_t bound);
uint64_t dice_between(struct dice *, uint64_t low, uint64_t high); /* both in */
/* Each order of magnitude is as likely as the next. low >= 1. */
uint64_t dice_magnitude(struct dice *, uint64_t low, uint64_t high);
bool dice_chance(struct dice *, unsigned percent);
/* Gaps between the events of a Poisson process, mean at the average. */
uint64_t dice_gap(struct dice *, double mean);

#endif
