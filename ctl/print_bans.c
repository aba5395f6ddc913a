/*
 * print_bans.c - ban, unban, bans.
 */
#include "common/base/memory.h"
#include "ctl/edict_words.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

static bool put(
    json_t *arguments, const char *name, const char *text, struct error *err)
{
    if (json_object_set_new(arguments, name, json_string(text)) != 0)
        return error_set(err, "the %s is not UTF-8", name);
    return true;
}

/* The rest of the words, as one text. */
static bool put_reason(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    char *reason = xstrdup(argv[0]);

    for (int i = 1; i < argc; i++) {
        char *longer = xprintf("%s %s", reason, argv[i]);
        free(reason);
        reason = longer;
    }
    bool is_good = put(arguments, "reason", reason, err);
    free(reason);
    return is_good;
}

/* A program asks, not a person. */
static void put_automatic(int *argc, char ***argv, json_t *arguments)
{
    if (*argc < 1 || strcmp((*argv)[0], "--automatic") != 0)
        return;
    json_object_set_new(arguments, "automatic", json_true());
    --*argc;
    ++*argv;
}

/* Wherever it stands. False: nothing follows it, or what is not UTF-8. */
static bool take_action(
    int *argc, char **argv, json_t *arguments, struct error *err)
{
    int at = 0;

    while (at < *argc && strcmp(argv[at], "--action") != 0)
        at++;
    if (at == *argc)
        return true;
    if (at + 1 == *argc)
        return error_set(err, "--action: HOLD, or a reply that refuses");
    if (!put(arguments, "action", argv[at + 1], err))
        return false;
    *argc -= 2;
    memmove(argv + at, argv + at + 2, (size_t)(*argc - at) * sizeof *argv);
    return true;
}

/* What does not begin with a digit is no duration. */
static bool parse_ban(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    if (!take_action(&argc, argv, arguments, err))
        return false;
    put_automatic(&argc, &argv, arguments);
    if (argc < 1)
        return error_set(
            err, "a network, as 198.51.100.0/24, or a name, as sasl:bob");
    if (!put(arguments, "net", argv[0], err))
        return false;
    argc--;
    argv++;
    if (argc > 0 && argv[0][0] >= '0' && argv[0][0] <= '9') {
        if (!put(arguments, "duration", argv[0], err))
            return false;
        argc--;
        argv++;
    }
    return argc == 0 || argv[0][0] == '\0' ||
           put_reason(argc, argv, arguments, err);
}

static bool parse_unban(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    put_automatic(&argc, &argv, arguments);
    if (argc != 1)
        return error_set(err, "one network or name, as bans lists it");
    return put(arguments, "net", argv[0], err);
}

static void print_ban(const struct ctl_answer *answer)
{
    print_heading(answer);
    table_print_text(answer->out, print_text(answer->result, "key"));
    fprintf(answer->out, " is banned");
    edict_print_action(answer->out, answer->result);
    fputc(' ', answer->out);
    edict_print_end(answer);
}

static void print_unban(const struct ctl_answer *answer)
{
    print_heading(answer);
    table_print_text(answer->out, print_text(answer->result, "key"));
    fprintf(answer->out, " is not banned any more\n");
}

static void print_bans(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {{"who", false, false},
        {"for", true, false}, {"until", false, false}, {"by", false, true},
        {"action", false, true}, {"reason", false, true}, {NULL, false, false}};
    const json_t *bans = json_object_get(answer->result, "bans");
    struct table *table = table_new(columns);
    size_t index;
    json_t *ban;

    print_heading(answer);
    json_array_foreach(bans, index, ban) {
        bool is_void = print_flag(ban, "void");
        char span[PRINT_TIME_SIZE], until[PRINT_TIME_SIZE];
        table_add(table, print_text(ban, "key"));
        table_add(table, print_span(print_number(ban, "seconds"), span));
        table_add(table, print_date(print_number(ban, "until"), until));
        table_add(table, print_text(ban, "who"));
        table_add(table, print_text(ban, "action"));
        table_add_colored(table, is_void ? TABLE_WARN : TABLE_PLAIN,
            is_void ? "(not obeyed: it is infrastructure)"
                    : print_text(ban, "reason"));
    }
    print_table_or(answer, table, "nobody is banned\n");
    table_free(&table);
    edict_print_store(answer);
}

const struct ctl_command ctl_commands_bans[] = {
    {.name = "ban",
        .usage = "[--automatic] NET|KEY [--action ACTION] [DURATION] [REASON]",
        .help = "refuse a network or sasl:USER, for 1h",
        .target = CTL_STORE,
        .parse = parse_ban,
        .print = print_ban},
    {.name = "unban",
        .usage = "[--automatic] NET|KEY",
        .help = "lift a ban",
        .target = CTL_STORE,
        .parse = parse_unban,
        .print = print_unban},
    {.name = "bans",
        .usage = "",
        .help = "who is banned, until when and why",
        .target = CTL_STORE,
        .print = print_bans},
    {0},
};
