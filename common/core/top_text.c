/*
 * top_text.c - a top list as text, for other daemons.
 *
 * What is read was written by another version perhaps, or by hand: numbers
 * are bounded, keys printable.
 */
#include "common/core/top_list.h"

#include "common/base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX (UINT64_MAX / 1000000) /* sums stay in range */
#define ROWS_MAX   256                    /* of one list of a source */

#define LINE_SIZE (160 + TOP_KEY_SIZE)

/* Adds a line if there is room for it. */
static bool add_line(
    char *text, size_t size, size_t *used, const char *line, int len)
{
    if (*used + (size_t)len > size)
        return false;
    memcpy(text + *used, line, (size_t)len);
    *used += (size_t)len;
    return true;
}

/* Whom there is no room to name, the head must allow for. */
static uint64_t unlisted_beyond(const struct top_list *list, size_t rows)
{
    if (rows < list->count && list->rows[rows].most > list->unlisted)
        return list->rows[rows].most;
    return list->unlisted;
}

/* How many of the first rows find room. */
static size_t add_rows(const struct top_list *list, size_t rows, char *text,
    size_t size, size_t *used)
{
    char line[LINE_SIZE];

    for (size_t i = 0; i < rows; i++) {
        const struct top_row *row = &list->rows[i];
        int len = snprintf(line, sizeof line,
            "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", row->least, row->most,
            row->refused, row->key);
        if (!add_line(text, size, used, line, len))
            return i;
    }
    return rows;
}

size_t top_list_write(const struct top_list *list, enum face face,
    enum event_kind kind, char *text, size_t size)
{
    char line[LINE_SIZE];

    for (size_t rows = list->count, added;; rows = added) {
        size_t used = 0;
        int len = snprintf(line, sizeof line,
            "list %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", face_name(face),
            event_kind_name(kind), list->total, unlisted_beyond(list, rows),
            list->span_ms);
        if (!add_line(text, size, &used, line, len))
            return 0;
        added = add_rows(list, rows, text, size, &used);
        if (added == rows)
            return used;
    }
}

/* Of one line; NUL-terminated. */
static bool read_number(const char **at, uint64_t *number_r)
{
    if (!decimal_read(at, NUMBER_MAX, number_r) ||
        (**at != ' ' && **at != '\0'))
        return false;
    *at += **at == ' ' ? 1 : 0;
    return true;
}

/* The source that is being read. */
struct reading {
    struct top_list *list; /* NULL: before the first, or of no kind we know */
    uint64_t total, unlisted, span_ms;
    size_t rows;
};

static void end_source(struct reading *reading)
{
    if (reading->list != NULL)
        top_list_source(
            reading->list, reading->total, reading->unlisted, reading->span_ms);
    reading->list = NULL;
}

static bool read_head(
    struct top_lists *lists, struct reading *reading, const char *at)
{
    char face_text[16], kind_text[24];
    enum face face;
    enum event_kind kind;
    int len = 0;

    end_source(reading);
    if (sscanf(at, "%15s %23s %n", face_text, kind_text, &len) != 2 || len == 0)
        return false;
    at += len;
    if (!read_number(&at, &reading->total) ||
        !read_number(&at, &reading->unlisted) ||
        !read_number(&at, &reading->span_ms) || *at != '\0')
        return false;
    reading->rows = 0;
    if (face_parse(face_text, &face) && event_kind_parse(kind_text, &kind))
        reading->list = &lists->of[face][kind];
    return true;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7e)
            return false;
    return true;
}

static bool read_row(struct reading *reading, const char *at)
{
    uint64_t least, most, refused;

    if (!read_number(&at, &least) || !read_number(&at, &most) ||
        !read_number(&at, &refused) || *at == '\0' || !is_printable(at) ||
        least > most || reading->rows++ >= ROWS_MAX)
        return false;
    if (reading->list != NULL)
        top_list_row(
            reading->list, at, least, most, refused, reading->unlisted);
    return true;
}

static bool read_lines(struct top_lists *lists, struct reading *reading,
    const char *text, size_t len)
{
    char line[LINE_SIZE];

    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line_len = end == NULL ? len : (size_t)(end - text);
        if (end == NULL || line_len >= sizeof line ||
            memchr(text, '\0', line_len) != NULL)
            return false;
        memcpy(line, text, line_len);
        line[line_len] = '\0';
        bool is_head = strncmp(line, "list ", 5) == 0;
        if (is_head ? !read_head(lists, reading, line + 5)
                    : !read_row(reading, line))
            return false;
        text += line_len + 1;
        len -= line_len + 1;
    }
    return true;
}

bool top_lists_read(struct top_lists *lists, const char *text, size_t len)
{
    struct reading reading = {.list = NULL};
    bool is_good = read_lines(lists, &reading, text, len);

    end_source(&reading);
    return is_good;
}
