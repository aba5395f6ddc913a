/*
 * engine_lease.c - the places that an open session holds.
 *
 * Kept by the face, not by the decision: a session outlives many decisions
 * and reloads, and must give back exactly what it took.
 */
#include "common/engine/engine.h"

#include <stdio.h>

void engine_lease_take(struct decision *decision, struct engine_lease *lease)
{
    const struct bill *bill = &decision->bill;

    lease->count = 0;
    if (decision->verdict.kind != VERDICT_PASS || decision->event.peek)
        return;
    for (size_t i = 0; i < bill->count; i++) {
        const struct charge *charge = &bill->charges[i];
        if (charge->kind != CHARGE_LEASE || charge->refused ||
            lease->count == LEASES_MAX)
            continue;
        lease->held[lease->count].subject = *charge->subject;
        snprintf(lease->held[lease->count].name,
            sizeof lease->held[lease->count].name, "%s", charge->name);
        lease->count++;
    }
}

void engine_lease_release(struct engine *engine, struct engine_lease *lease)
{
    for (size_t i = 0; i < lease->count; i++)
        store_release(
            engine_store(engine), &lease->held[i].subject, lease->held[i].name);
    lease->count = 0;
}

void engine_lease_give_back(struct decision *decision)
{
    const struct bill *bill = &decision->bill;

    for (size_t i = 0; i < bill->known; i++)
        if (bill->charges[i].kind == CHARGE_LEASE && !bill->charges[i].refused)
            store_release(engine_store(decision->engine),
                bill->charges[i].subject, bill->charges[i].name);
}
