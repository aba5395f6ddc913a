/*
 * print_report.c - report: a table, or CSV (RFC 4180) or JSON for other
 * programs.
 */
#include "common/base/duration.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include <string.h>

/* Of the one command that this process runs. */
static enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON } format;

static bool parse_since(const char *text, json_t *arguments, struct error *err)
{
    struct error why;
    uint64_t since_ms;

    if (!duration_parse(text, &since_ms, &why) || since_ms < 1000 ||
        since_ms > UINT64_C(86400000) * 7)
        return error_set(err, "--since needs a time, 1s to 7d");
    json_object_set_new(
        arguments, "since", json_integer((json_int_t)(since_ms / 1000)));
    return true;
}

static bool parse_format(const char *text, struct error *err)
{
    static const char *const names[] = {"table", "csv", "json"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            format = (unsigned)i;
            return true;
        }
    return error_set(err, "--format needs table, csv or json");
}

static bool parse_report(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {
        {.name = "--since", .wants = "a time, 1s to 7d"},
        {.name = "--format", .wants = "table, csv or json"}, {0}};

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc > 0)
        return error_set(err, "\"%s\" is too much", argv[0]);
    return (options[0].value == NULL ||
               parse_since(options[0].value, arguments, err)) &&
           (options[1].value == NULL || parse_format(options[1].value, err));
}

static void add_number(struct table *table, long long number)
{
    if (number > 0)
        table_add_format(table, "%lld", number);
    else
        table_add(table, "-");
}

/* least-most, where it is not known exactly. */
static void add_range(struct table *table, long long least, long long most)
{
    if (least >= most)
        table_add_format(table, "%lld", least);
    else
        table_add_format(table, "%lld-%lld", least, most);
}

static void add_key(struct table *table, const json_t *key)
{
    table_add_format(table, "  %s", print_text(key, "key"));
    add_range(table, print_number(key, "came"), print_number(key, "came_most"));
    add_number(table, print_number(key, "refused"));
    table_add_format(table, "%lld", print_number(key, "peak"));
    add_number(table, print_number(key, "allowed"));
    table_add(table, "");
}

static void add_limit(struct table *table, const json_t *limit)
{
    size_t index;
    json_t *key;

    table_add_format(table, "%s%s", print_text(limit, "limit"),
        print_flag(limit, "shadow") ? " (shadow)" : "");
    table_add_format(table, "%lld", print_number(limit, "came"));
    add_number(table, print_number(limit, "refused"));
    table_add_format(table, "%lld", print_number(limit, "peak"));
    add_number(table, print_number(limit, "allowed"));
    add_number(table, print_number(limit, "suggested"));
    json_array_foreach(json_object_get(limit, "keys"), index, key) {
        add_key(table, key);
    }
}

static void print_as_table(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {
        {"limit and key", false, true}, {"came", true, false},
        {"refused", true, false}, {"peak", true, false}, {"limit", true, false},
        {"suggested", true, false}, {NULL, false, false}};
    struct table *table = table_new(columns);
    char since[PRINT_TIME_SIZE];
    size_t index;
    json_t *limit;

    print_heading(answer);
    fprintf(answer->out, "since %s\n",
        print_date(print_number(answer->result, "since"), since));
    json_array_foreach(
        json_object_get(answer->result, "limits"), index, limit) {
        add_limit(table, limit);
    }
    print_table_or(answer, table, "nothing has come to any limit");
    table_free(&table);
    if (!print_flag(answer->result, "complete"))
        fputs("(some records could not be read)\n", answer->out);
    if (!print_flag(answer->result, "kept"))
        fputs("(nothing is kept now: usage_report = true in tollgate.conf)\n",
            answer->out);
}

static void csv_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputs("\",", out);
}

static void csv_row(FILE *out, const char *limit, const char *key,
    const json_t *row, long long most)
{
    csv_text(out, limit);
    csv_text(out, key);
    fprintf(out, "%lld,%lld,%lld,%lld,", print_number(row, "came"), most,
        print_number(row, "refused"), print_number(row, "peak"));
    if (print_number(row, "allowed") > 0)
        fprintf(out, "%lld", print_number(row, "allowed"));
    fputc(',', out);
    if (key[0] == '\0')
        fprintf(out, "%lld", print_number(row, "suggested"));
    fputs("\r\n", out);
}

/* A limit's own row has no key, and it alone a suggestion. */
static void print_as_csv(const struct ctl_answer *answer)
{
    size_t index, key_index;
    json_t *limit, *key;

    fputs("limit,key,came,came_most,refused,peak,allowed,suggested\r\n",
        answer->out);
    json_array_foreach(
        json_object_get(answer->result, "limits"), index, limit) {
        const char *name = print_text(limit, "limit");
        csv_row(answer->out, name, "", limit, print_number(limit, "came"));
        json_array_foreach(json_object_get(limit, "keys"), key_index, key) {
            csv_row(answer->out, name, print_text(key, "key"), key,
                print_number(key, "came_most"));
        }
    }
}

static void print_report(const struct ctl_answer *answer)
{
    switch (format) {
    case FORMAT_TABLE:
        print_as_table(answer);
        break;
    case FORMAT_CSV:
        print_as_csv(answer);
        break;
    case FORMAT_JSON:
        (void)json_dumpf(answer->result, answer->out, JSON_SORT_KEYS);
        fputc('\n', answer->out);
        break;
    }
}

const struct ctl_command ctl_commands_report[] = {
    {.name = "report",
        .usage = "[--since TIME] [--format FORMAT]",
        .help = "what came to each limit, and what limit would do",
        .target = CTL_STORE,
        .parse = parse_report,
        .print = print_report},
    {0},
};
