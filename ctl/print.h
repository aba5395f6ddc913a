/*
 * print.h - what the files that print results have in common.
 *
 * Members of a result that are missing or of another type read as "", 0 or
 * false: a newer daemon must not crash an older tollgatectl.
 */
#ifndef TOLLGATE_CTL_PRINT_H
#define TOLLGATE_CTL_PRINT_H

#include "ctl/command.h"

#include <stdint.h>

struct table;

#define PRINT_COLUMNS   80
#define PRINT_TIME_SIZE 24

/* path: members, one inside the other: "store.url". */
const json_t *print_member(const json_t *, const char *path);
const char *print_text(const json_t *, const char *path);
long long print_number(const json_t *, const char *path);
bool print_flag(const json_t *, const char *path);

/* "2d 3h", "5m 12s", "40s": the two largest units. */
char *print_span(long long seconds, char text[PRINT_TIME_SIZE]);
/* "2026-11-21 07:00" in the local time zone; seconds since 1970. */
char *print_date(long long seconds, char text[PRINT_TIME_SIZE]);

/* A line with the daemon's name, where several have answered. */
void print_heading(const struct ctl_answer *);
/* As wide, and as colourful, as answers are. */
void print_table(const struct ctl_answer *, const struct table *);
/* The same, but `nothing` in place of a table without a row. */
void print_table_or(
    const struct ctl_answer *, const struct table *, const char *nothing);

#endif
