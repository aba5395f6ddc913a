/*
 * window.h - the two windows of a limit, as pure state with the clock as an
 * argument.
 *
 * Sliding: never more than N units in any span of W ms, however short the
 * first burst; refused units leave no trace; who never has more than N units
 * in any W + W/16 + 1 ms (N <= 16: W + 1 ms) is never refused. window.c has
 * the proof. Fixed: Postfix's anvil(8), event by event. store.lua keeps the
 * same two in Redis, by the same rules: change both or none.
 */
#ifndef TOLLGATE_CORE_WINDOW_H
#define TOLLGATE_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_PARTS     16
#define WINDOW_SLOTS_MAX (WINDOW_PARTS + 1)

/* Units admitted in one sub-window. The time is split to save 4 bytes. */
struct window_slot {
    uint32_t last_low, last_high; /* ms, of the LAST unit in it */
    uint32_t units;
};

/* All zero but `room`: a window that has seen nothing. */
struct window {
    uint32_t total; /* the sum of all units */
    uint16_t count;
    uint16_t room;              /* slots that the owner has allocated, 1.. */
    struct window_slot slots[]; /* oldest first */
};

size_t window_size(unsigned room); /* bytes */

struct window_rule {
    uint32_t limit;     /* 1.. */
    uint64_t window_ms; /* 1..366 days */
};

/*
 * Forgets what is over. Call it before the others, with the same now_ms
 * (< 2^60). A clock that has stepped back moves all into one slot dated now,
 * so that nothing stays longer than window_ms + 1 ms from here.
 */
void window_settle(struct window *, uint64_t window_ms, uint64_t now_ms);

/* 0 if the amount passes now; else in how many ms it would, if nothing else is
 * admitted; CHARGE_NEVER if it exceeds the limit by itself. */
int64_t window_retry(const struct window *, const struct window_rule *,
    uint32_t amount, uint64_t now_ms);

/* Adding needs one slot more than the owner has allocated. */
bool window_needs_room(
    const struct window *, const struct window_rule *, uint64_t now_ms);
/* The amount has passed window_retry, and there is room. */
void window_add(struct window *, const struct window_rule *, uint32_t amount,
    uint64_t now_ms);

/*
 * Takes back units that were added at since_ms or later, within window_ms of
 * now: of the oldest slots that can hold them. What else was added stays for
 * as long as it had to, or longer.
 */
void window_take_back(struct window *, uint32_t amount, uint64_t since_ms);

/* The last ms in which it still counts anything; 0 if it is empty. */
uint64_t window_last_ms(const struct window *, uint64_t window_ms);

/*
 * All counters of a client and service, one per kind of event: they start at
 * the first event of any kind, and together they end with the second in which
 * a whole window has passed since. Refused events count.
 */
#define FIXED_WINDOW_FIELDS 8

struct fixed_window {
    uint64_t last_ms; /* its last ms; all zero: not begun */
    uint32_t counts[FIXED_WINDOW_FIELDS];
};

/* Starts anew if it is over; then counts. now_ms: as above. */
void fixed_window_add(struct fixed_window *, unsigned field, uint32_t amount,
    uint64_t window_ms, uint64_t now_ms);
uint32_t fixed_window_count(
    const struct fixed_window *, unsigned field, uint64_t now_ms);

#endif
