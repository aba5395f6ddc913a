/*
 * anvil_model.h - what Postfix's anvil(8) does, in whole seconds.
 *
 * Source: Postfix 3.7 anvil.c: all rates of a client are set to 0 and dated
 * now when start + unit < now, at any event or lookup.
 */
#ifndef TOLLGATE_TESTS_ANVIL_MODEL_H
#define TOLLGATE_TESTS_ANVIL_MODEL_H

#include <stdint.h>

#define ANVIL_RATES 8

struct anvil_model {
    uint64_t start_s; /* 0: no event yet */
    uint32_t rates[ANVIL_RATES];
};

/* amount 0 looks only. Returns the rate after it. */
uint32_t anvil_model_add(struct anvil_model *, unsigned rate, uint32_t amount,
    uint64_t unit_s, uint64_t now_s);

#endif
