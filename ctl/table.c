/*
 * table.c - see table.h.
 *
 * Widths are those of escaped ASCII, so a byte is a column.
 */
#include "ctl/table.h"

#include "common/base/alloc.h"
#include "common/base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP       2
#define CUT_MIN   12 /* no narrower is a flexible column made */
#define PAIR_NAME 14

struct cell {
    char *text;
    enum table_color color;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count;
};

struct table *table_new(const struct table_column *columns)
{
    struct table *table = xcalloc(1, sizeof *table);

    table->columns = columns;
    while (columns[table->column_count].title != NULL)
        table->column_count++;
    assert(table->column_count <= TABLE_COLUMNS_MAX);
    return table;
}

void table_free(struct table **table)
{
    if (*table == NULL)
        return;
    for (size_t i = 0; i < (*table)->cell_count; i++)
        free((*table)->cells[i].text);
    free((*table)->cells);
    free(*table);
    *table = NULL;
}

static char *escaped(const char *text)
{
    size_t len = strlen(text);
    char *out = xcalloc(1, 4 * len + 4);

    return log_escape(out, 4 * len + 4, text, len);
}

void table_add_colored(
    struct table *table, enum table_color color, const char *text)
{
    table->cells =
        xrealloc(table->cells, (table->cell_count + 1) * sizeof *table->cells);
    table->cells[table->cell_count++] = (struct cell){escaped(text), color};
}

void table_add(struct table *table, const char *text)
{
    table_add_colored(table, TABLE_PLAIN, text);
}

void table_add_format(struct table *table, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_add(table, text);
}

bool table_is_empty(const struct table *table)
{
    return table->cell_count == 0;
}

static size_t widest(const struct table *table, size_t column)
{
    size_t width = strlen(table->columns[column].title);

    for (size_t i = column; i < table->cell_count; i += table->column_count)
        if (strlen(table->cells[i].text) > width)
            width = strlen(table->cells[i].text);
    return width;
}

/* The widest flexible column gives, until all fit. */
static void measure(
    const struct table *table, size_t columns, size_t widths[TABLE_COLUMNS_MAX])
{
    size_t total = (table->column_count - 1) * GAP;

    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i] = widest(table, i);
    while (total > columns) {
        size_t best = table->column_count;
        for (size_t i = 0; i < table->column_count; i++)
            if (table->columns[i].is_flexible && widths[i] > CUT_MIN &&
                (best == table->column_count || widths[i] > widths[best]))
                best = i;
        if (best == table->column_count)
            return;
        widths[best]--;
        total--;
    }
}

static const char *escape_of(enum table_color color)
{
    static const char *const escapes[] = {
        [TABLE_PLAIN] = "",
        [TABLE_GOOD] = "\x1b[32m",
        [TABLE_WARN] = "\x1b[33m",
        [TABLE_BAD] = "\x1b[31m",
        [TABLE_FAINT] = "\x1b[2m",
    };
    return escapes[color];
}

static void pad(FILE *out, size_t count)
{
    while (count-- > 0)
        fputc(' ', out);
}

static void print_cell(const struct table_column *column, size_t width,
    bool is_last, const char *text, const char *escape, FILE *out)
{
    size_t len = strlen(text);
    bool is_cut = len > width;
    size_t shown = is_cut ? width - 3 : len;
    size_t blank = is_cut ? 0 : width - len;

    if (column->is_number)
        pad(out, blank);
    fprintf(out, "%s%.*s%s%s", escape, (int)shown, text, is_cut ? "..." : "",
        *escape != '\0' ? "\x1b[0m" : "");
    if (!column->is_number && !is_last)
        pad(out, blank);
    fputs(is_last ? "\n" : "  ", out);
}

void table_print(const struct table *table, int columns, bool color, FILE *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};

    assert(table->cell_count % table->column_count == 0);
    measure(table, (size_t)columns, widths);
    for (size_t i = 0; i < table->column_count; i++)
        print_cell(&table->columns[i], widths[i], i + 1 == table->column_count,
            table->columns[i].title, color ? "\x1b[1m" : "", out);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        print_cell(&table->columns[column], widths[column],
            column + 1 == table->column_count, table->cells[i].text,
            color ? escape_of(table->cells[i].color) : "", out);
    }
}

void table_print_text(FILE *out, const char *text)
{
    char *safe = escaped(text);

    fputs(safe, out);
    free(safe);
}

void table_print_pair(FILE *out, const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(out, "%-*s ", PAIR_NAME, name);
    table_print_text(out, text);
    fputc('\n', out);
}
