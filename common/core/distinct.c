/*
 * distinct.c - a list of short hashes, and a sketch where there are too many.
 *
 * Why the window holds. A value is dated with the number of the part in which
 * it was last seen; parts have S = W/14 ms, rounded up. One of part k was seen
 * before (k + 1) S, and counts in the parts k .. k + 14, so until (k + 15) S at
 * least W later: whatever was admitted in [now - W, now] is there. It was seen
 * at k S or later, so it is forgotten at most 15 S <= W + W/14 + 15 ms after.
 * Fifteen dates are told apart by the rest of k by 15, the code, as the newest
 * part is known.
 *
 * Why it errs to one side. Values share a hash or a cell and never have two,
 * so what is in use is at most what was seen. The list asks for just that. The
 * sketch asks for the number of values that on average fill so many cells, the
 * sum of M / (M - i): cells filled by luck alone make it say more than there
 * are, which the margin is for.
 */
#include "common/core/distinct.h"

#include "common/base/hash.h"

#include <string.h>

#define CODES (DISTINCT_PARTS + 1)
#define GONE  CODES /* the code of what is forgotten */

uint32_t distinct_hash(const char *text, size_t len)
{
    static const struct hash_key common = {0, 0};

    return (uint32_t)hash_bytes(&common, text, len) & (DISTINCT_NONE - 1);
}

static unsigned cell_of(uint32_t hash)
{
    return hash % DISTINCT_CELLS;
}

/* 0: free; else 1 + code. */
static unsigned cell_get(const struct distinct *distinct, unsigned cell)
{
    unsigned pair = distinct->cells[cell / 2];

    return cell % 2 == 0 ? pair & 15 : pair >> 4;
}

static void cell_set(struct distinct *distinct, unsigned cell, unsigned mark)
{
    uint8_t *pair = &distinct->cells[cell / 2];

    *pair = (uint8_t)(cell % 2 == 0 ? (*pair & 0xf0) | mark
                                    : (*pair & 0x0f) | mark << 4);
}

/* Of what is seen now; a fixed window needs none. */
static unsigned code_of_now(const struct distinct *distinct)
{
    return distinct->part_ms == 0 ? 0 : (unsigned)(distinct->date % CODES);
}

/* How many parts before the newest one. */
static unsigned age_of(const struct distinct *distinct, unsigned code)
{
    return (unsigned)((distinct->date + CODES - code) % CODES);
}

/* The code of a date under the old header, under the new one. */
static unsigned recode(
    const struct distinct *old, unsigned code, uint64_t part_ms, uint64_t date)
{
    unsigned age = age_of(old, code);
    uint64_t then = age > old->date ? 0 : old->date - age;

    if (old->part_ms != part_ms)
        then = ((then + 1) * old->part_ms - 1) / part_ms;
    if (then > date)
        then = date;
    return date - then > DISTINCT_PARTS ? GONE : (unsigned)(then % CODES);
}

static void settle_list(struct distinct *distinct, const unsigned codes[CODES])
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < distinct->count; i++) {
        uint32_t value = distinct->values[i];
        unsigned code = codes[value & 15];
        if (code != GONE)
            distinct->values[kept++] = (value & ~(uint32_t)15) | code;
    }
    distinct->count = kept;
}

static void settle_cells(struct distinct *distinct, const unsigned codes[CODES])
{
    distinct->count = 0;
    for (unsigned cell = 0; cell < DISTINCT_CELLS; cell++) {
        unsigned mark = cell_get(distinct, cell);
        if (mark == 0)
            continue;
        unsigned code = codes[mark - 1];
        cell_set(distinct, cell, code == GONE ? 0 : code + 1);
        distinct->count += code != GONE;
    }
}

static void settle_fixed(
    struct distinct *distinct, uint64_t window_ms, uint64_t now_ms)
{
    if (distinct->count == 0 || now_ms > distinct->date)
        *distinct = (struct distinct){.date = now_ms + window_ms};
    if (distinct->date > now_ms + window_ms)
        distinct->date = now_ms + window_ms;
}

void distinct_settle(struct distinct *distinct,
    const struct distinct_rule *rule, uint64_t now_ms)
{
    uint64_t part_ms = (rule->window_ms + DISTINCT_PARTS - 1) / DISTINCT_PARTS;
    uint64_t date = now_ms / part_ms;
    unsigned codes[CODES];

    if (rule->is_fixed) {
        settle_fixed(distinct, rule->window_ms, now_ms);
        return;
    }
    if (distinct->count > 0 &&
        (distinct->part_ms != part_ms || distinct->date != date)) {
        for (unsigned code = 0; code < CODES; code++)
            codes[code] = recode(distinct, code, part_ms, date);
        if (distinct->is_sketch)
            settle_cells(distinct, codes);
        else
            settle_list(distinct, codes);
    }
    if (distinct->count == 0)
        *distinct = (struct distinct){0};
    distinct->part_ms = part_ms;
    distinct->date = date;
}

/* Values that on average fill so many cells. */
static double cells_mean(unsigned count)
{
    double sum = 0;

    for (unsigned i = 0; i < count && i < DISTINCT_CELLS; i++)
        sum += (double)DISTINCT_CELLS / (DISTINCT_CELLS - i);
    return sum;
}

static uint32_t values_of(const struct distinct *distinct, unsigned count)
{
    return distinct->is_sketch ? (uint32_t)(cells_mean(count) + 0.5) : count;
}

uint32_t distinct_count(const struct distinct *distinct)
{
    return values_of(distinct, distinct->count);
}

/* NULL: it is not there. */
static uint32_t *list_find(struct distinct *distinct, uint32_t hash)
{
    for (uint32_t i = 0; i < distinct->count; i++)
        if (distinct->values[i] >> 4 == hash)
            return &distinct->values[i];
    return NULL;
}

static bool holds(struct distinct *list, uint32_t hash)
{
    return hash < DISTINCT_NONE && list_find(list, hash) != NULL;
}

/* Of two in one cell the later date. */
static void become_sketch(struct distinct *distinct)
{
    struct distinct list = *distinct;

    memset(distinct->cells, 0, sizeof distinct->cells);
    distinct->is_sketch = true;
    distinct->count = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        unsigned cell = cell_of(list.values[i] >> 4);
        unsigned code = list.values[i] & 15;
        unsigned mark = cell_get(distinct, cell);
        if (mark == 0 || age_of(distinct, code) < age_of(distinct, mark - 1))
            cell_set(distinct, cell, code + 1);
        distinct->count += mark == 0;
    }
}

static void count_ages(const struct distinct *distinct, unsigned ages[CODES])
{
    memset(ages, 0, CODES * sizeof ages[0]);
    for (uint32_t i = 0; !distinct->is_sketch && i < distinct->count; i++)
        ages[age_of(distinct, distinct->values[i] & 15)]++;
    for (unsigned cell = 0; distinct->is_sketch && cell < DISTINCT_CELLS;
         cell++) {
        unsigned mark = cell_get(distinct, cell);
        if (mark > 0)
            ages[age_of(distinct, mark - 1)]++;
    }
}

static int64_t retry_of(
    const struct distinct *distinct, uint32_t limit, uint64_t now_ms)
{
    unsigned ages[CODES], left = distinct->count, age = CODES;

    if (distinct->part_ms == 0)
        return (int64_t)(distinct->date + 1 - now_ms);
    count_ages(distinct, ages);
    while (age > 0 && values_of(distinct, left + 1) > limit)
        left -= ages[--age];
    return (
        int64_t)((distinct->date - age + CODES) * distinct->part_ms - now_ms);
}

/* Of a sketch at its limit many new values fall into cells in use: none that is
 * there could be told from them. */
static bool passes(struct distinct *distinct, uint32_t limit, uint32_t hash)
{
    return (!distinct->is_sketch && holds(distinct, hash)) ||
           values_of(distinct, distinct->count + 1) <= limit;
}

int64_t distinct_retry(struct distinct *distinct,
    const struct distinct_rule *rule, uint32_t hash, uint64_t now_ms)
{
    uint32_t limit = rule->limit;

    if (!distinct->is_sketch && distinct->count == DISTINCT_EXACT &&
        limit > DISTINCT_EXACT && !holds(distinct, hash)) {
        struct distinct sketch = *distinct;
        become_sketch(&sketch);
        if (passes(&sketch, limit, hash)) {
            *distinct = sketch;
            return 0;
        }
        limit = DISTINCT_EXACT;
    }
    return passes(distinct, limit, hash) ? 0
                                         : retry_of(distinct, limit, now_ms);
}

void distinct_add(struct distinct *distinct, uint32_t hash)
{
    unsigned code = code_of_now(distinct);
    uint32_t *value = distinct->is_sketch ? NULL : list_find(distinct, hash);

    if (value == NULL && !distinct->is_sketch) {
        if (distinct->count == DISTINCT_EXACT)
            become_sketch(distinct);
        else
            value = &distinct->values[distinct->count++];
    }
    if (value != NULL) {
        *value = hash << 4 | code;
    } else {
        distinct->count += cell_get(distinct, cell_of(hash)) == 0;
        cell_set(distinct, cell_of(hash), code + 1);
    }
}

uint64_t distinct_last_ms(const struct distinct *distinct)
{
    unsigned ages[CODES], newest = 0;

    if (distinct->count == 0)
        return 0;
    if (distinct->part_ms == 0)
        return distinct->date;
    count_ages(distinct, ages);
    while (ages[newest] == 0)
        newest++;
    return (distinct->date - newest + CODES) * distinct->part_ms - 1;
}

size_t distinct_size(const struct distinct *distinct)
{
    size_t body = distinct->is_sketch
                      ? sizeof distinct->cells
                      : distinct->count * sizeof distinct->values[0];

    return offsetof(struct distinct, values) + body;
}
