/*
 * distinct.h - how many different values a window has seen, as pure state of
 * bounded size with the clock as an argument.
 *
 * Up to DISTINCT_EXACT values are kept each, as DISTINCT_BITS bits of a hash;
 * beyond, each of them marks one of DISTINCT_CELLS cells, and their number is
 * estimated (linear counting). Errors, stated and tested (tests/property):
 *
 * Never refused: who with the value has had, in any span of W + W/14 + 15 ms,
 * at most N different values, for N <= 48; 3/4 N for N <= 500; 2/3 N for
 * N <= 1000. Two values of one hash (one in 2^20) count as one.
 * Refused: beyond N where N <= 48, but for such a pair. Above, the estimate has
 * a standard error of 6 % up to 500 values, 9 % at 1000.
 *
 * For N <= 48 a value that is there already is never refused; above, nothing
 * passes at the limit. What is refused is not entered. store.lua keeps the same
 * in Redis, by the same rules: change both or none.
 * doc/decisions/distinct-counts.md says why it is so.
 */
#ifndef TOLLGATE_CORE_DISTINCT_H
#define TOLLGATE_CORE_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISTINCT_BITS  20
#define DISTINCT_NONE  (1u << DISTINCT_BITS) /* no value: one not seen yet */
#define DISTINCT_MAX   1000                  /* the largest limit */
#define DISTINCT_EXACT 48
#define DISTINCT_CELLS 286
#define DISTINCT_PARTS 14 /* of a window; a date is the number of a part */

/* All zero: nothing was seen. */
struct distinct {
    uint64_t date;    /* of the newest part; of a fixed window the last ms */
    uint64_t part_ms; /* 0: a fixed window */
    uint32_t count;   /* values, or cells in use */
    bool is_sketch;
    union {
        uint32_t values[DISTINCT_EXACT];         /* hash << 4 | code */
        uint8_t cells[(DISTINCT_CELLS + 1) / 2]; /* two each: 0, or 1 + code */
    };
};

struct distinct_rule {
    uint32_t limit;     /* 1.. */
    uint64_t window_ms; /* 1..366 days */
    bool is_fixed;
};

/* The value's hash, the same in all daemons: below DISTINCT_NONE. */
uint32_t distinct_hash(const char *text, size_t len);

/*
 * Forgets what is over, and dates all by the rule's window. Call it before the
 * others, with the same now_ms (< 2^60). What is dated later than now, by a
 * clock that has stepped back, is dated now. A fixed window begins with its
 * first value and ends after window_ms.
 */
void distinct_settle(
    struct distinct *, const struct distinct_rule *, uint64_t now_ms);

/* How many, as far as is known. */
uint32_t distinct_count(const struct distinct *);

/*
 * 0 if the value passes now; else in how many ms a new one does, if nothing
 * else comes. Where a list is full and the limit is not, it becomes a sketch.
 */
int64_t distinct_retry(struct distinct *, const struct distinct_rule *,
    uint32_t hash, uint64_t now_ms);

/* The value has passed distinct_retry; or another store has admitted it. */
void distinct_add(struct distinct *, uint32_t hash);

/* The last ms in which it still counts anything; 0 if it is empty. */
uint64_t distinct_last_ms(const struct distinct *);

/* So many of its first bytes say all. */
size_t distinct_size(const struct distinct *);

#endif
