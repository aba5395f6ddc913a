/*
 * window.c - a dated queue of sub-windows, and anvil's fixed window.
 *
 * The queue holds slots (last, units), oldest first: the units admitted in one
 * aligned sub-window of S ms, dated with the ms of the last of them. S is W/16,
 * or 1 ms where N <= 16. total is the sum. Why that is right:
 *
 * Never more than N in any W. A unit admitted in ms a lies in a slot with
 * last >= a, and leaves total only when now - last > W, hence now - a > W. So
 * total contains all units admitted in the closed span [now - W, now], and an
 * amount n is admitted only if total + n <= N. The comparison is strict because
 * ms are rounded down: units up to 1 ms closer than their ms say would pass
 * with `>=`. Merging two slots into the later date only keeps units longer.
 *
 * The margin. last - a < S, so a unit is forgotten at the latest W + S + 1 ms
 * after its admission. If a client never has more than N units in any span of
 * W + S + 1 ms, then total + n <= N at each of its requests.
 *
 * The retry. total shrinks only by whole slots from the front, slot j in the ms
 * last_j + W + 1. The first j whose slots 1..j hold at least total + n - N
 * units gives the first ms in which n passes, if nothing is admitted between.
 *
 * The clock stepped back. Slots dated later than now would stay for too long.
 * Redating everything to now keeps the first promise (in true time now is later
 * than every admission) and frees the client W + 1 ms later.
 *
 * Taken back. A unit that was added at since_ms or later is in a slot with last
 * >= since_ms, so the first such slot is that one or an older one. If it is
 * older, a unit of another admission, which was there at the latest at that
 * slot's date, is counted from now on in the later slot: it stays longer, and
 * the first promise holds. A later slot would break it, hence nothing is taken
 * back of what may have left already (now - since_ms > W).
 *
 * No field depends on N or W, so a reload that changes them keeps the history.
 * Such reloads alone can ask for more than 17 slots; then the last one takes
 * the units and the later date.
 */
#include "common/core/window.h"

#include "common/core/charge.h"

#include <assert.h>
#include <string.h>

static uint64_t slot_last_ms(const struct window_slot *slot)
{
    return (uint64_t)slot->last_high << 32 | slot->last_low;
}

static void slot_set_last_ms(struct window_slot *slot, uint64_t ms)
{
    slot->last_low = (uint32_t)ms;
    slot->last_high = (uint32_t)(ms >> 32);
}

size_t window_size(unsigned room)
{
    return sizeof(struct window) + room * sizeof(struct window_slot);
}

static const struct window_slot *window_newest(const struct window *window)
{
    return &window->slots[window->count - 1];
}

static void window_drop_front(
    struct window *window, uint64_t window_ms, uint64_t now_ms)
{
    unsigned over = 0;
    uint32_t units = 0;

    while (over < window->count &&
           slot_last_ms(&window->slots[over]) + window_ms < now_ms)
        units += window->slots[over++].units;
    if (over == 0)
        return;
    window->count = (uint16_t)(window->count - over);
    window->total -= units;
    memmove(window->slots, window->slots + over,
        window->count * sizeof window->slots[0]);
}

void window_settle(struct window *window, uint64_t window_ms, uint64_t now_ms)
{
    window_drop_front(window, window_ms, now_ms);
    if (window->count == 0 || slot_last_ms(window_newest(window)) <= now_ms)
        return;
    window->count = 1;
    slot_set_last_ms(&window->slots[0], now_ms);
    window->slots[0].units = window->total;
}

int64_t window_retry(const struct window *window,
    const struct window_rule *rule, uint32_t amount, uint64_t now_ms)
{
    uint64_t wanted = (uint64_t)window->total + amount;
    uint64_t freed = 0;
    unsigned slot = 0;

    if (wanted <= rule->limit)
        return 0;
    if (amount > rule->limit)
        return CHARGE_NEVER;
    while (freed + window->slots[slot].units < wanted - rule->limit)
        freed += window->slots[slot++].units;
    return (int64_t)(slot_last_ms(&window->slots[slot]) + rule->window_ms + 1 -
                     now_ms);
}

static bool window_is_same_part(const struct window *window,
    const struct window_rule *rule, uint64_t now_ms)
{
    uint64_t last_ms, now_parts;

    if (window->count == 0)
        return false;
    last_ms = slot_last_ms(window_newest(window));
    if (rule->limit <= WINDOW_PARTS)
        return last_ms == now_ms;
    /* W/16 need not be whole: count in sixteenths of a ms. */
    now_parts = now_ms * WINDOW_PARTS;
    return last_ms * WINDOW_PARTS >= now_parts - now_parts % rule->window_ms;
}

bool window_needs_room(const struct window *window,
    const struct window_rule *rule, uint64_t now_ms)
{
    return window->count == window->room && window->room < WINDOW_SLOTS_MAX &&
           !window_is_same_part(window, rule, now_ms);
}

void window_add(struct window *window, const struct window_rule *rule,
    uint32_t amount, uint64_t now_ms)
{
    struct window_slot *newest;

    if (!window_is_same_part(window, rule, now_ms) &&
        window->count < WINDOW_SLOTS_MAX) {
        assert(window->count < window->room);
        window->slots[window->count++].units = 0;
    }
    newest = &window->slots[window->count - 1];
    newest->units += amount;
    slot_set_last_ms(newest, now_ms);
    window->total += amount;
}

void window_take_back(struct window *window, uint32_t amount, uint64_t since_ms)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < window->count; i++) {
        struct window_slot slot = window->slots[i];
        uint32_t taken = slot.units < amount ? slot.units : amount;
        if (slot_last_ms(&slot) < since_ms)
            taken = 0;
        amount -= taken;
        window->total -= taken;
        slot.units -= taken;
        if (slot.units > 0)
            window->slots[kept++] = slot;
    }
    window->count = (uint16_t)kept;
}

uint64_t window_last_ms(const struct window *window, uint64_t window_ms)
{
    return window->count == 0 ? 0
                              : slot_last_ms(window_newest(window)) + window_ms;
}

/* anvil resets once start + unit < now, all three in whole seconds. */
static uint64_t fixed_window_end(uint64_t window_ms, uint64_t now_ms)
{
    uint64_t seconds = (window_ms + 999) / 1000;

    return (now_ms / 1000 + seconds) * 1000 + 999;
}

void fixed_window_add(struct fixed_window *fixed, unsigned field,
    uint32_t amount, uint64_t window_ms, uint64_t now_ms)
{
    uint64_t end_ms = fixed_window_end(window_ms, now_ms);
    uint32_t *count = &fixed->counts[field];

    assert(field < FIXED_WINDOW_FIELDS);
    if (fixed->last_ms < now_ms) {
        memset(fixed, 0, sizeof *fixed);
        fixed->last_ms = end_ms;
    }
    /* Only a clock that stepped back leaves more than a window to come. */
    if (fixed->last_ms > end_ms)
        fixed->last_ms = end_ms;
    *count = amount > UINT32_MAX - *count ? UINT32_MAX : *count + amount;
}

uint32_t fixed_window_count(
    const struct fixed_window *fixed, unsigned field, uint64_t now_ms)
{
    assert(field < FIXED_WINDOW_FIELDS);
    return fixed->last_ms < now_ms ? 0 : fixed->counts[field];
}
