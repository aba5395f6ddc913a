/* dice.c - splitmix64; good enough to find faults, and tiny. */
#include "tests/property/dice.h"

#include <math.h>

static uint64_t dice_next(struct dice *dice)
{
    uint64_t bits = dice->state += 0x9e3779b97f4a7c15u;

    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

static double dice_fraction(struct dice *dice)
{
    return (double)(dice_next(dice) >> 11) * 0x1p-53;
}

uint64_t dice_below(struct dice *dice, uint64_t bound)
{
    return dice_next(dice) % bound;
}

uint64_t dice_between(struct dice *dice, uint64_t low, uint64_t high)
{
    return low + dice_below(dice, high - low + 1);
}

uint64_t dice_magnitude(struct dice *dice, uint64_t low, uint64_t high)
{
    double span = log((double)high + 1) - log((double)low);
    uint64_t value = (uint64_t)(exp(span * dice_fraction(dice)) * (double)low);

    return value > high ? high : value;
}

bool dice_chance(struct dice *dice, unsigned percent)
{
    return dice_below(dice, 100) < percent;
}

uint64_t dice_gap(struct dice *dice, double mean)
{
    return (uint64_t)(-log(1 - dice_fraction(dice)) * mean);
}
