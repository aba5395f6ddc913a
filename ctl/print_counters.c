/*
 * print_counters.c - show KEY, reset KEY.
 */
#include "ctl/edict_words.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <string.h>

static bool parse_key(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    if (argc != 1)
        return error_set(err, "one key, as 198.51.100.7 or sasl:bob");
    if (json_object_set_new(arguments, "key", json_string(argv[0])) != 0)
        return error_set(err, "the key is not UTF-8");
    return true;
}

static bool is_same_counter(const json_t *a, const json_t *b)
{
    static const char *const names[] = {"limit", "event", "key", "window"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!json_equal(
                json_object_get(a, names[i]), json_object_get(b, names[i])))
            return false;
    return true;
}

static bool has_counter(const json_t *list, const json_t *counter)
{
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item)
        if (is_same_counter(item, counter))
            return true;
    return false;
}

/* Each daemon knows the services that it has seen. */
static void merge(json_t *result, const json_t *other)
{
    json_t *list = json_object_get(result, "counters");
    size_t index;
    json_t *counter;

    json_array_foreach(json_object_get(other, "counters"), index, counter)
        if (!has_counter(list, counter))
            json_array_append(list, counter);
}

static void add_name(struct table *table, const json_t *counter)
{
    const char *limit = print_text(counter, "limit");

    if (limit[0] != '\0')
        table_add(table, limit);
    else
        table_add_format(
            table, "%s (Postfix's limit)", print_text(counter, "event"));
}

/* One without a name is one too. */
static const char *print_service(const json_t *counter)
{
    const char *service = print_text(counter, "service");

    if (json_is_null(json_object_get(counter, "service")))
        return "all";
    return service[0] != '\0' ? service : "-";
}

static void add_counter(struct table *table, const json_t *counter)
{
    long long allowed = print_number(counter, "allowed");
    long long window_ms = print_number(counter, "window_ms");
    long long retry_ms = print_number(counter, "retry_after_ms");
    bool refuses = print_flag(counter, "refuses");
    char text[PRINT_TIME_SIZE];

    add_name(table, counter);
    table_add(table, print_service(counter));
    table_add_format(table, "%lld", print_number(counter, "used"));
    const char *mark = print_flag(counter, "overridden") ? "*" : "";
    if (!json_is_null(json_object_get(counter, "allowed")))
        table_add_format(table, "%lld%s", allowed, mark);
    else
        table_add_format(table, "-%s", mark);
    if (json_object_get(counter, "per") != NULL)
        table_add(table, print_text(counter, "per"));
    else
        table_add(table,
            window_ms > 0 ? print_span(window_ms / 1000, text) : "open now");
    if (!refuses)
        table_add_colored(table, TABLE_GOOD, "passes");
    else
        table_add_colored(table, TABLE_BAD,
            retry_ms > 0 ? print_span((retry_ms + 999) / 1000, text) : "never");
}

/* Of a limit by the calendar. */
static void print_period(const struct ctl_answer *answer, const json_t *counter)
{
    char text[PRINT_TIME_SIZE];

    if (json_object_get(counter, "per") == NULL)
        return;
    fputs("  ", answer->out);
    table_print_text(answer->out, print_text(counter, "limit"));
    if (json_object_get(counter, "left") != NULL)
        fprintf(answer->out, ": %lld left", print_number(counter, "left"));
    else
        fputs(": no limit", answer->out);
    fprintf(answer->out, ", begins anew at %s, in %s\n",
        print_text(counter, "resets_at"),
        print_span((print_number(counter, "resets_in_ms") + 999) / 1000, text));
}

static void print_holders(
    const struct ctl_answer *answer, const json_t *counter)
{
    const json_t *holders = json_object_get(counter, "holders");
    size_t index;
    json_t *holder;

    json_array_foreach(holders, index, holder) {
        const char *name = print_text(holder, "name");
        fprintf(answer->out, "  %lld open at ", print_number(holder, "count"));
        table_print_text(
            answer->out, name[0] != '\0' ? name : print_text(holder, "id"));
        fprintf(answer->out, "%s\n",
            name[0] == '\0' && print_flag(holder, "self") ? "this daemon" : "");
    }
}

static void print_ban(const struct ctl_answer *answer)
{
    const json_t *ban = json_object_get(answer->result, "ban");
    const char *reason = print_text(ban, "reason");
    char span[PRINT_TIME_SIZE];

    if (!json_is_object(ban))
        return;
    fputs("BANNED as ", answer->out);
    table_print_text(answer->out, print_text(ban, "key"));
    fprintf(answer->out, " for %s more%s",
        print_span(print_number(ban, "seconds"), span),
        reason[0] != '\0' ? ": " : "");
    table_print_text(answer->out, reason);
    edict_print_action(answer->out, ban);
    fputc('\n', answer->out);
}

static bool has_override(const json_t *counters)
{
    size_t index;
    json_t *counter;

    json_array_foreach(counters, index, counter)
        if (print_flag(counter, "overridden"))
            return true;
    return false;
}

static void print_show(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {{"counter", false, true},
        {"service", false, true}, {"used", true, false}, {"limit", true, false},
        {"window", false, false}, {"retry after", false, false},
        {NULL, false, false}};
    const json_t *counters = json_object_get(answer->result, "counters");
    struct table *table = table_new(columns);
    size_t index;
    json_t *counter;

    print_heading(answer);
    print_ban(answer);
    if (print_flag(answer->result, "exempt"))
        fputs("exempt: no limit by client refuses it\n", answer->out);
    json_array_foreach(counters, index, counter)
        add_counter(table, counter);
    print_table_or(answer, table, "");
    if (has_override(counters))
        fputs("* by an override\n", answer->out);
    table_free(&table);
    json_array_foreach(counters, index, counter) {
        print_period(answer, counter);
        print_holders(answer, counter);
    }
}

static void print_reset(const struct ctl_answer *answer)
{
    const json_t *counters = json_object_get(answer->result, "counters");

    print_heading(answer);
    table_print_text(answer->out, print_text(answer->result, "key"));
    fprintf(answer->out, ": %zu counter%s begin%s anew\n",
        json_array_size(counters), json_array_size(counters) == 1 ? "" : "s",
        json_array_size(counters) == 1 ? "s" : "");
}

const struct ctl_command ctl_commands_counters[] = {
    {.name = "show",
        .usage = "KEY",
        .help = "every counter of a client, sasl:USER, sender:ADDR",
        .target = CTL_STORE,
        .parse = parse_key,
        .merge = merge,
        .print = print_show},
    {.name = "reset",
        .usage = "KEY",
        .help = "let its counters begin anew",
        .target = CTL_STORE,
        .parse = parse_key,
        .print = print_reset},
    {0},
};
