/*
 * nearest.c - see nearest.h.
 *
 * The distance is the number of edits (optimal string alignment). Words that
 * are longer than ours are do not come near any.
 */
#include "common/base/nearest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define LEN_MAX 63

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* rows: of the two letters before, and this one. */
static unsigned cell(const char *a, const char *b, size_t i, size_t j,
    unsigned rows[3][LEN_MAX + 1])
{
    const unsigned *before = rows[(i + 2) % 3], *now = rows[i % 3];
    unsigned edits = least(before[j], now[j - 1]) + 1;

    edits = least(edits, before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        edits = least(edits, rows[(i + 1) % 3][j - 2] + 1);
    return edits;
}

static unsigned distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned rows[3][LEN_MAX + 1] = {{0}};

    if (a_len > LEN_MAX || b_len > LEN_MAX)
        return UINT_MAX;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        rows[i % 3][0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++)
            rows[i % 3][j] = cell(a, b, i, j, rows);
    }
    return rows[a_len % 3][b_len];
}

void nearest_begin(struct nearest *nearest, const char *typed)
{
    *nearest = (struct nearest){.typed = typed, .distance = UINT_MAX};
}

void nearest_try(struct nearest *nearest, const char *word)
{
    unsigned edits = distance(nearest->typed, word);

    if (edits < nearest->distance) {
        nearest->distance = edits;
        nearest->best = word;
    }
}

const char *nearest_word(const struct nearest *nearest)
{
    size_t len = strlen(nearest->typed);
    unsigned most = len < 4 ? 1 : (unsigned)(len / 4 > 2 ? len / 4 : 2);

    return nearest->best != NULL && nearest->distance <= most ? nearest->best
                                                              : NULL;
}
