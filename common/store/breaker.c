/*
 * breaker.c - the three states and the pauses between probes.
 *
 * The pause is not random: one process has one probe under way at the most,
 * and reconnects, which could come in herds, have their own jitter.
 */
#include "common/store/breaker.h"

void breaker_init(struct breaker *breaker)
{
    *breaker = (struct breaker){
        .state = BREAKER_OPEN,
        .pause_ms = BREAKER_PAUSE_MIN_MS,
    };
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {
        [BREAKER_CLOSED] = "closed",
        [BREAKER_OPEN] = "open",
        [BREAKER_HALF_OPEN] = "half-open",
    };
    return names[state];
}

void breaker_on_connected(struct breaker *breaker, uint64_t now_ms)
{
    breaker->is_connected = true;
    breaker->state = BREAKER_OPEN;
    if (breaker->probe_at_ms < now_ms)
        breaker->probe_at_ms = now_ms;
}

/* It was closed, or a probe was under way. */
static void breaker_pause(struct breaker *breaker, uint64_t now_ms)
{
    breaker->state = BREAKER_OPEN;
    breaker->probe_at_ms = now_ms + breaker->pause_ms;
    breaker->pause_ms *= 2;
    if (breaker->pause_ms > BREAKER_PAUSE_MAX_MS)
        breaker->pause_ms = BREAKER_PAUSE_MAX_MS;
}

static bool breaker_is_calm(const struct breaker *breaker, uint64_t now_ms)
{
    return breaker->state == BREAKER_CLOSED &&
           now_ms - breaker->closed_ms >= BREAKER_CALM_MS;
}

bool breaker_on_lost(struct breaker *breaker, uint64_t now_ms)
{
    bool was_closed = breaker->state == BREAKER_CLOSED;
    breaker->is_connected = false;
    if (breaker_is_calm(breaker, now_ms)) {
        breaker->pause_ms = BREAKER_PAUSE_MIN_MS;
        breaker->probe_at_ms = now_ms;
    } else if (breaker->state != BREAKER_OPEN) {
        breaker_pause(breaker, now_ms);
    }
    breaker->state = BREAKER_OPEN;
    return was_closed;
}

bool breaker_on_failure(struct breaker *breaker, uint64_t now_ms)
{
    /* Open already: a straggler that was sent before. */
    if (breaker->state == BREAKER_OPEN)
        return false;
    bool was_closed = breaker->state == BREAKER_CLOSED;
    if (breaker_is_calm(breaker, now_ms))
        breaker->pause_ms = BREAKER_PAUSE_MIN_MS;
    breaker_pause(breaker, now_ms);
    return was_closed;
}

bool breaker_take_probe(struct breaker *breaker, uint64_t now_ms)
{
    if (breaker_wait_ms(breaker, now_ms) != 0)
        return false;
    breaker->state = BREAKER_HALF_OPEN;
    return true;
}

bool breaker_on_success(struct breaker *breaker, uint64_t now_ms)
{
    if (breaker->state != BREAKER_HALF_OPEN)
        return false;
    breaker->state = BREAKER_CLOSED;
    breaker->closed_ms = now_ms;
    return true;
}

uint64_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ms)
{
    if (breaker->state != BREAKER_OPEN || !breaker->is_connected)
        return UINT64_MAX;
    return now_ms >= breaker->probe_at_ms ? 0 : breaker->probe_at_ms - now_ms;
}
