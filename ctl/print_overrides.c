/*
 * print_overrides.c - override set, override del, overrides.
 */
#include "ctl/edict_words.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/words.h"

static bool put_all(int argc, char **argv, const char *const *names,
    json_t *arguments, struct error *err)
{
    for (int i = 0; i < argc; i++)
        if (json_object_set_new(arguments, names[i], json_string(argv[i])) != 0)
            return error_set(err, "the %s is not UTF-8", names[i]);
    return true;
}

static const char *const names[] = {"limit", "key", "rate", "duration"};

static bool parse_set(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {{.name = "--total"}, {0}};

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc < 3 || argc > 4)
        return error_set(
            err, "a limit, a key and a rate, as: sasl-day sasl:bob 2000/1d");
    if (options[0].value != NULL)
        json_object_set_new(arguments, "total", json_true());
    return put_all(argc, argv, names, arguments, err);
}

static bool parse_del(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {{0}};

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc != 2)
        return error_set(err, "a limit and a key, as: sasl-day sasl:bob");
    return put_all(argc, argv, names, arguments, err);
}

static void print_key(const struct ctl_answer *answer)
{
    print_heading(answer);
    table_print_text(answer->out, print_text(answer->result, "key"));
}

static void print_set(const struct ctl_answer *answer)
{
    print_key(answer);
    fprintf(answer->out, ": ");
    table_print_text(answer->out, print_text(answer->arguments, "rate"));
    fprintf(answer->out, " ");
    edict_print_end(answer);
}

static void print_del(const struct ctl_answer *answer)
{
    print_key(answer);
    fprintf(answer->out, ": the limit's own rate again\n");
}

static void add_rate(struct table *table, const json_t *override)
{
    long long allowed = print_number(override, "allowed");
    long long window_ms = print_number(override, "window_ms");
    char span[PRINT_TIME_SIZE];

    if (json_is_null(json_object_get(override, "allowed")))
        table_add(table, "no limit");
    else if (allowed == 0)
        table_add(table, "nothing");
    else if (window_ms == 0)
        table_add_format(table, "%lld", allowed);
    else if (window_ms < 1000)
        table_add_format(table, "%lld/%lldms", allowed, window_ms);
    else
        table_add_format(table, "%lld/%s%s", allowed,
            print_span(window_ms / 1000, span),
            print_flag(override, "total") ? " total" : "");
}

static void print_overrides(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {{"limit", false, true},
        {"key", false, true}, {"rate", true, false}, {"for", true, false},
        {"by", false, true}, {NULL, false, false}};
    const json_t *overrides = json_object_get(answer->result, "overrides");
    struct table *table = table_new(columns);
    size_t index;
    json_t *override;

    print_heading(answer);
    json_array_foreach(overrides, index, override) {
        bool is_void = print_flag(override, "void");
        char span[PRINT_TIME_SIZE];
        table_add_colored(table, is_void ? TABLE_WARN : TABLE_PLAIN,
            print_text(override, "limit"));
        table_add(table, print_text(override, "subject"));
        add_rate(table, override);
        table_add(table, print_span(print_number(override, "seconds"), span));
        table_add(table, is_void ? "(there is no such limit now)"
                                 : print_text(override, "who"));
    }
    print_table_or(answer, table, "no limit is overridden\n");
    table_free(&table);
    edict_print_store(answer);
}

const struct ctl_command ctl_commands_overrides[] = {
    {.name = "override set",
        .usage = "LIMIT KEY RATE [DURATION] [--total]",
        .help = "another rate for one key, by default for 1h",
        .target = CTL_STORE,
        .parse = parse_set,
        .print = print_set},
    {.name = "override del",
        .usage = "LIMIT KEY",
        .help = "back to the limit's own rate",
        .target = CTL_STORE,
        .parse = parse_del,
        .print = print_del},
    {.name = "overrides",
        .usage = "",
        .help = "which limits differ for whom",
        .target = CTL_STORE,
        .print = print_overrides},
    {0},
};
