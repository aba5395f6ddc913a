/*
 * print_top.c - top.
 */
#include "common/core/event.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include <stdlib.h>
#include <string.h>

static bool parse_number(const char *text, json_t *arguments, struct error *err)
{
    size_t len = strlen(text);

    if (len > 4 || strspn(text, "0123456789") != len)
        return error_set(err, "-n needs a number");
    json_object_set_new(arguments, "n", json_integer(strtol(text, NULL, 10)));
    return true;
}

static bool parse_top(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {{.name = "-n", .wants = "a number"}, {0}};
    enum event_kind kind;

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc > 1)
        return error_set(err, "\"%s\" is too much", argv[1]);
    if (argc > 0 && !event_kind_parse(argv[0], &kind))
        return error_set(
            err, "%s: no such event; allowed: %s", argv[0], event_kind_words());
    if (argc > 0)
        json_object_set_new(arguments, "event", json_string(argv[0]));
    return options[0].value == NULL ||
           parse_number(options[0].value, arguments, err);
}

static void add_key(struct table *table, const json_t *key)
{
    long long least = print_number(key, "least");
    long long most = print_number(key, "most");
    long long refused = print_number(key, "refused");

    table_add(table, print_text(key, "key"));
    if (least == most)
        table_add_format(table, "%lld", most);
    else
        table_add_format(table, "%lld-%lld", least, most);
    if (refused > 0)
        table_add_format(table, "%lld", refused);
    else
        table_add(table, "-");
    table_add(table, refused > 0 ? print_text(key, "by") : "-");
}

static void print_event(const struct ctl_answer *answer, const json_t *event)
{
    static const struct table_column columns[] = {{"key", false, true},
        {"came", true, false}, {"refused", true, false}, {"by", false, true},
        {NULL, false, false}};
    struct table *table = table_new(columns);
    long long unlisted = print_number(event, "unlisted");
    char span[PRINT_TIME_SIZE];
    size_t index;
    json_t *key;

    fprintf(answer->out, "%s at %s, in the last %s\n",
        print_text(event, "event"), print_text(event, "face"),
        print_span(print_number(event, "seconds"), span));
    json_array_foreach(json_object_get(event, "keys"), index, key) {
        add_key(table, key);
    }
    print_table(answer, table);
    table_free(&table);
    if (unlisted > 0)
        fprintf(
            answer->out, "nobody else came more than %lld times\n", unlisted);
}

static void print_top(const struct ctl_answer *answer)
{
    const json_t *events = json_object_get(answer->result, "events");
    size_t index;
    json_t *event;

    print_heading(answer);
    if (json_array_size(events) == 0)
        fputs("nobody has come in the last minute\n", answer->out);
    json_array_foreach(events, index, event) {
        if (index > 0)
            fputc('\n', answer->out);
        print_event(answer, event);
    }
    if (!print_flag(answer->result, "shared"))
        fputs("(memory: this daemon's own)\n", answer->out);
    else if (!print_flag(answer->result, "complete"))
        fputs("(the store is away: this daemon's own)\n", answer->out);
}

const struct ctl_command ctl_commands_top[] = {
    {.name = "top",
        .usage = "[EVENT] [-n N]",
        .help = "who comes most, now",
        .target = CTL_STORE,
        .parse = parse_top,
        .print = print_top},
    {0},
};
