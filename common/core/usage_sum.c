/*
 * usage_sum.c - see usage_sum.h.
 *
 * What is read was written by another version perhaps, or by hand: numbers
 * are bounded, keys printable.
 */
#include "common/core/usage_sum.h"

#include "common/base/alloc.h"
#include "common/base/decimal.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX (UINT64_MAX / 1000000) /* sums stay in range */
#define ROWS_MAX   20000                  /* of one limit, on the way */
#define ROWS_KEPT  10000
#define LINE_SIZE  2048 /* peaks: all buckets */

void usage_sums_clear(struct usage_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        top_list_clear(&sums->of[i]->list);
        free(sums->of[i]);
    }
    sums->count = 0;
}

/* NULL: there is no place for it. */
static struct usage_sum *sum_of(struct usage_sums *sums, const char *name)
{
    for (size_t i = 0; i < sums->count; i++)
        if (strcmp(sums->of[i]->name, name) == 0)
            return sums->of[i];
    if (sums->count == USAGE_LIMITS_MAX)
        return NULL;
    struct usage_sum *sum = xcalloc(1, sizeof *sum);
    memcpy(sum->name, name, strlen(name));
    sums->of[sums->count++] = sum;
    return sum;
}

static bool is_printable(const char *text)
{
    size_t len = 0;

    while (text[len] > 0x1f && text[len] < 0x7f)
        len++;
    return len > 0 && text[len] == '\0';
}

static bool read_number(const char **at, uint64_t max, uint64_t *number_r)
{
    return decimal_read(at, max, number_r) && *(*at)++ == ' ';
}

/* NULL: no head, or of an hour that does not count: *is_old_r. */
static struct usage_sum *read_head(struct usage_sums *sums, const char *at,
    uint64_t *unlisted_r, bool *is_old_r)
{
    uint64_t hour, came, refused, largest;

    if (strncmp(at, "usage ", 6) != 0)
        return NULL;
    at += 6;
    if (!read_number(&at, NUMBER_MAX, &hour) ||
        !read_number(&at, NUMBER_MAX, &came) ||
        !read_number(&at, NUMBER_MAX, &refused) ||
        !read_number(&at, UINT32_MAX, &largest) ||
        !read_number(&at, NUMBER_MAX, unlisted_r) || !is_printable(at) ||
        strlen(at) > USAGE_NAME_MAX)
        return NULL;
    *is_old_r = hour < sums->since_hour;
    struct usage_sum *sum = *is_old_r ? NULL : sum_of(sums, at);
    if (sum != NULL) {
        sum->came += came;
        sum->refused += refused;
        if (largest > sum->largest)
            sum->largest = (uint32_t)largest;
    }
    return sum;
}

static bool read_peaks(struct usage_sum *sum, const char *at)
{
    uint64_t bucket, keys;

    if (strncmp(at, "peaks", 5) != 0)
        return false;
    for (at += 5; *at == ' ';) {
        at++;
        if (!decimal_read(&at, USAGE_BUCKETS - 1, &bucket) || *at++ != ':' ||
            !decimal_read(&at, NUMBER_MAX, &keys))
            return false;
        sum->peaks[bucket] += keys;
        sum->keys += keys;
    }
    return *at == '\0';
}

static bool read_row(struct usage_sum *sum, const char *at, uint64_t unlisted)
{
    uint64_t least, most, refused, peak, allowed;

    if (!read_number(&at, NUMBER_MAX, &least) ||
        !read_number(&at, NUMBER_MAX, &most) ||
        !read_number(&at, NUMBER_MAX, &refused) ||
        !read_number(&at, UINT32_MAX, &peak) ||
        !read_number(&at, UINT32_MAX, &allowed) || !is_printable(at) ||
        least > most)
        return false;
    top_list_row(&sum->list, at, least, most, refused, unlisted);
    struct top_row *row = &sum->list.rows[sum->list.count - 1];
    row->peak = (uint32_t)peak;
    row->allowed = (uint32_t)allowed;
    return true;
}

/* The next line of the text, NUL-terminated; false: there is none. */
static bool next_line(const char **text, size_t *len, char line[LINE_SIZE])
{
    const char *end = memchr(*text, '\n', *len);
    size_t line_len = end == NULL ? LINE_SIZE : (size_t)(end - *text);

    if (line_len >= LINE_SIZE || memchr(*text, '\0', line_len) != NULL)
        return false;
    memcpy(line, *text, line_len);
    line[line_len] = '\0';
    *text += line_len + 1;
    *len -= line_len + 1;
    return true;
}

bool usage_sums_read(struct usage_sums *sums, const char *text, size_t len)
{
    char line[LINE_SIZE];
    uint64_t unlisted;
    bool is_old = false;

    if (len > USAGE_TEXT_MAX || !next_line(&text, &len, line))
        return false;
    struct usage_sum *sum = read_head(sums, line, &unlisted, &is_old);
    if (sum == NULL)
        return is_old;
    if (!next_line(&text, &len, line) || !read_peaks(sum, line))
        return false;
    while (len > 0)
        if (!next_line(&text, &len, line) || !read_row(sum, line, unlisted))
            return false;
    top_list_source(&sum->list, 0, unlisted, 0);
    if (sum->list.count > ROWS_MAX)
        top_list_settle(&sum->list, ROWS_KEPT);
    return true;
}

uint32_t usage_sum_percentile(const struct usage_sum *sum, unsigned thousandths)
{
    uint64_t rank = sum->keys - sum->keys * (1000 - thousandths) / 1000;
    uint64_t seen = 0;

    for (unsigned i = 0; i < USAGE_BUCKETS && sum->keys > 0; i++) {
        seen += sum->peaks[i];
        if (seen >= rank)
            return usage_bucket_last(i);
    }
    return 0;
}

static double share_of(const struct top_row *row)
{
    return (double)row->peak / (row->allowed > 0 ? row->allowed : UINT32_MAX);
}

static int compare_shares(const void *a, const void *b)
{
    const struct top_row *one = a, *two = b;

    if (share_of(one) != share_of(two))
        return share_of(one) > share_of(two) ? -1 : 1;
    return one->most > two->most ? -1 : one->most < two->most ? 1 : 0;
}

void usage_sum_settle(struct usage_sum *sum, size_t max)
{
    struct top_list *list = &sum->list;

    if (list->count == 0)
        return;
    top_list_settle(list, SIZE_MAX);
    qsort(list->rows, list->count, sizeof *list->rows, compare_shares);
    for (size_t i = max; i < list->count; i++)
        if (list->rows[i].most > list->unlisted)
            list->unlisted = list->rows[i].most;
    if (list->count > max)
        list->count = max;
}
