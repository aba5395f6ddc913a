/*
 * print.c - see print.h.
 */
#include "ctl/print.h"

#include "ctl/table.h"

#include <string.h>
#include <time.h>

const json_t *print_member(const json_t *object, const char *path)
{
    char name[64];

    while (object != NULL) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        object = json_object_get(object, name);
        if (path[len] == '\0')
            return object;
        path += len + 1;
    }
    return NULL;
}

const char *print_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(print_member(object, path));

    return text != NULL ? text : "";
}

long long print_number(const json_t *object, const char *path)
{
    return json_integer_value(print_member(object, path));
}

bool print_flag(const json_t *object, const char *path)
{
    return json_is_true(print_member(object, path));
}

char *print_span(long long seconds, char text[PRINT_TIME_SIZE])
{
    static const struct {
        long long seconds;
        char name;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (i < 3 && seconds < units[i].seconds)
        i++;
    long long rest =
        i < 3 ? seconds % units[i].seconds / units[i + 1].seconds : 0;
    int len = snprintf(text, PRINT_TIME_SIZE, "%lld%c",
        seconds / units[i].seconds, units[i].name);
    if (rest > 0 && len > 0 && len < PRINT_TIME_SIZE)
        (void)snprintf(text + len, PRINT_TIME_SIZE - (size_t)len, " %lld%c",
            rest, units[i + 1].name);
    return text;
}

char *print_date(long long seconds, char text[PRINT_TIME_SIZE])
{
    time_t when = (time_t)seconds;
    struct tm broken;

    if (localtime_r(&when, &broken) == NULL ||
        strftime(text, PRINT_TIME_SIZE, "%Y-%m-%d %H:%M", &broken) == 0)
        (void)snprintf(text, PRINT_TIME_SIZE, "%lld", seconds);
    return text;
}

void print_heading(const struct ctl_answer *answer)
{
    if (answer->is_alone)
        return;
    fprintf(answer->out, "%s", answer->options->color ? "\x1b[1m" : "");
    table_print_text(answer->out, answer->daemon);
    fprintf(answer->out, "%s\n", answer->options->color ? "\x1b[0m" : "");
}

void print_table(const struct ctl_answer *answer, const struct table *table)
{
    table_print(table, PRINT_COLUMNS, answer->options->color, answer->out);
}

void print_table_or(const struct ctl_answer *answer, const struct table *table,
    const char *nothing)
{
    if (table_is_empty(table))
        fputs(nothing, answer->out);
    else
        print_table(answer, table);
}
