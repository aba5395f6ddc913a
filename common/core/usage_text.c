/*
 * usage_text.c - a usage as a record for the store.
 */
#include "common/core/usage.h"

#include "common/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE (USAGE_NAME_MAX + 4 * HEAVY_KEY_SIZE + 128)

struct writer {
    char *text;
    size_t used, size;
};

/* False: there is no room, and nothing is added. */
static bool add(struct writer *writer, const char *line, int len)
{
    if (len < 0 || writer->used + (size_t)len > writer->size)
        return false;
    memcpy(writer->text + writer->used, line, (size_t)len);
    writer->used += (size_t)len;
    return true;
}

static void add_peaks(struct writer *writer, const struct usage *usage)
{
    uint32_t counts[USAGE_BUCKETS] = {0};
    char item[48];

    for (size_t i = 0; i < USAGE_PLACES; i++)
        if (usage->keys[i].hash != 0)
            counts[usage_bucket(usage->keys[i].peak.use)]++;
    (void)add(writer, "peaks", 5);
    for (unsigned i = 0; i < USAGE_BUCKETS; i++)
        if (counts[i] > 0)
            (void)add(writer, item,
                snprintf(item, sizeof item, " %u:%" PRIu64, i,
                    (uint64_t)counts[i] << usage->level));
    (void)add(writer, "\n", 1);
}

struct row {
    const struct heavy_slot *slot;
    const struct usage_peak *peak;
};

/* Of no limit the use alone. */
static double share_of(const struct row *row)
{
    uint32_t allowed = row->peak->allowed;

    return (double)row->peak->use / (allowed > 0 ? allowed : UINT32_MAX);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *one = a, *two = b;

    if (share_of(one) != share_of(two))
        return share_of(one) > share_of(two) ? -1 : 1;
    return one->slot->count > two->slot->count   ? -1
           : one->slot->count < two->slot->count ? 1
                                                 : 0;
}

/* How often somebody can have come whom there is no room to name. */
static uint64_t add_rows(struct writer *writer, const struct usage *usage)
{
    struct row rows[HEAVY_SLOTS];
    uint64_t unlisted = heavy_unlisted(&usage->heavy);
    char key[4 * HEAVY_KEY_SIZE + 1], line[LINE_SIZE];

    for (size_t i = 0; i < usage->heavy.used; i++)
        rows[i] = (struct row){&usage->heavy.slots[i], &usage->peaks[i]};
    qsort(rows, usage->heavy.used, sizeof rows[0], compare_rows);
    for (size_t i = 0; i < usage->heavy.used; i++) {
        const struct heavy_slot *slot = rows[i].slot;
        log_escape(key, sizeof key, (const char *)slot->key, slot->key_len);
        int len = snprintf(line, sizeof line,
            "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 " %s\n",
            slot->count - slot->error, slot->count, slot->marked,
            rows[i].peak->use, rows[i].peak->allowed, key);
        if (!add(writer, line, len) && slot->count > unlisted)
            unlisted = slot->count;
    }
    return unlisted;
}

/* The head says what the rows could not, and so is written last. */
size_t usage_write(
    const struct usage *usage, const char *name, char text[USAGE_TEXT_MAX])
{
    char rest[USAGE_TEXT_MAX], line[LINE_SIZE];
    struct writer body = {
        .text = rest, .size = sizeof rest - USAGE_NAME_MAX - 96};
    struct writer whole = {.text = text, .size = USAGE_TEXT_MAX};

    add_peaks(&body, usage);
    uint64_t unlisted = add_rows(&body, usage);
    (void)add(&whole, line,
        snprintf(line, sizeof line,
            "usage %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu64
            " %.*s\n",
            usage->hour, usage->came, usage->refused, usage->largest, unlisted,
            USAGE_NAME_MAX, name));
    (void)add(&whole, rest, (int)body.used);
    return whole.used;
}
