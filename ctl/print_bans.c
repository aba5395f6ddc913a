/*
 * print_bans.c - ban, unban, bans.
 */
#include "common/base/alloc.h"
#include "ctl/edict_words.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include <stdlib.h>
#include <string.h>

static char longest[] = "366d"; /* of all bans */

static bool put(
    json_t *arguments, const char *name, const char *text, struct error *err)
{
    if (json_object_set_new(arguments, name, json_string(text)) != 0)
        return error_set(err, "the %s is not UTF-8", name);
    return true;
}

/* This word and those that are left, as one text. */
static bool put_reason(const char *word, const struct words *words,
    json_t *arguments, struct error *err)
{
    if (!words_are_text(words, err))
        return false;
    char *reason = xstrdup(word);
    for (int i = 0; i < words->argc; i++) {
        char *longer = xprintf("%s %s", reason, words->argv[i]);
        free(reason);
        reason = longer;
    }
    bool is_good = put(arguments, "reason", reason, err);
    free(reason);
    return is_good;
}

/* A program asks, not a person. */
static void put_automatic(const struct words_option *option, json_t *arguments)
{
    if (option->value != NULL)
        json_object_set_new(arguments, "automatic", json_true());
}

/* False: what begins with no digit is no duration. */
static bool is_duration(const char *word)
{
    return word != NULL && word[0] >= '0' && word[0] <= '9';
}

/* What fail2ban's action writes of bantime = -1: for ever. */
static void read_forever(struct words *words)
{
    if (words->argc > 0 && strcmp(words->argv[0], "-1s") == 0)
        words->argv[0] = longest;
}

static bool parse_ban(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {{.name = "--automatic"},
        {.name = "--action", .wants = "HOLD, or a reply that refuses"}, {0}};
    struct words words = {.argc = argc, .argv = argv, .options = options};
    const char *net, *word;

    if (!words_next(&words, &net, err))
        return false;
    if (options[0].value != NULL)
        read_forever(&words);
    if (!words_next(&words, &word, err))
        return false;
    if (net == NULL)
        return error_set(
            err, "a network, as 198.51.100.0/24, or a name, as sasl:bob");
    if (!put(arguments, "net", net, err))
        return false;
    if (is_duration(word) && (!put(arguments, "duration", word, err) ||
                                 !words_next(&words, &word, err)))
        return false;
    if (word != NULL && word[0] != '\0' &&
        !put_reason(word, &words, arguments, err))
        return false;
    put_automatic(&options[0], arguments);
    return options[1].value == NULL ||
           put(arguments, "action", options[1].value, err);
}

static bool parse_unban(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {{.name = "--automatic"}, {0}};

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc != 1)
        return error_set(err, "one network or name, as bans lists it");
    put_automatic(&options[0], arguments);
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
        .usage = "[--automatic] [--action ACTION] NET|KEY [DURATION] [REASON]",
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
