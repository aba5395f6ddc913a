/*
 * table.h - columns for people: as wide as what is in them, at most 80.
 *
 * Where the columns do not fit, the widest flexible one is cut with "...".
 * Every text is escaped, because much of it was chosen by strangers.
 */
#ifndef TOLLGATE_CTL_TABLE_H
#define TOLLGATE_CTL_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 10

enum table_color {
    TABLE_PLAIN,
    TABLE_GOOD,
    TABLE_WARN,
    TABLE_BAD,
    TABLE_FAINT,
};

struct table;

struct table_column {
    const char *title; /* NULL: no more */
    bool is_number;    /* to the right */
    bool is_flexible;  /* may be cut */
};

/* At most TABLE_COLUMNS_MAX columns; borrowed. */
struct table *table_new(const struct table_column *columns);
void table_free(struct table **);

/* The next cell of the row; after the last column a new row begins. */
void table_add(struct table *, const char *text);
void table_add_colored(struct table *, enum table_color, const char *text);
void table_add_format(struct table *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Has no row been added? */
bool table_is_empty(const struct table *);
/* columns: how wide the terminal is; color: with escape sequences. */
void table_print(const struct table *, int columns, bool color, FILE *out);

/* A line "name  value" as status has them, outside of tables. */
void table_print_pair(FILE *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A text of somebody else's, escaped, without a newline. */
void table_print_text(FILE *out, const char *text);

#endif
