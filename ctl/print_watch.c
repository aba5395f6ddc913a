/*
 * print_watch.c - watch.
 *
 * One line a decision, in the log's order. Lines are not cut at 80 columns:
 * they are read by eye and by grep alike.
 */
#include "common/base/log.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool parse_watch(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {{.name = "--refused"}, {0}};

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc > 0)
        return error_set(err, "\"%s\" is too much", argv[0]);
    if (options[0].value != NULL)
        json_object_set_new(arguments, "refused", json_true());
    return true;
}

static void print_time(const struct ctl_answer *answer)
{
    time_t when = (time_t)(print_number(answer->result, "time_ms") / 1000);
    char text[16] = "";
    struct tm broken;

    if (localtime_r(&when, &broken) != NULL)
        (void)strftime(text, sizeof text, "%H:%M:%S", &broken);
    fprintf(answer->out, "%s ", text);
}

static void print_pair(
    const struct ctl_answer *answer, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    fprintf(answer->out, " %s=", name);
    table_print_text(answer->out, text);
}

static void print_events(const struct ctl_answer *answer)
{
    json_t *events = json_object_get(answer->result, "events");
    const char *name, *before = " event=";
    json_t *amount;

    json_object_foreach(events, name, amount) {
        fputs(before, answer->out);
        table_print_text(answer->out, name);
        if (json_integer_value(amount) != 1)
            fprintf(
                answer->out, ":%lld", (long long)json_integer_value(amount));
        before = ",";
    }
}

static void print_limit(const struct ctl_answer *answer)
{
    long long retry_ms = print_number(answer->result, "retry_after_ms");
    const char *limit = print_text(answer->result, "limit");

    if (limit[0] != '\0') {
        print_pair(answer, "limit", limit);
        print_pair(answer, "key", print_text(answer->result, "key"));
        fprintf(answer->out, " used=%lld/%lld",
            print_number(answer->result, "used"),
            print_number(answer->result, "allowed"));
    }
    if (retry_ms > 0)
        fprintf(answer->out, " retry_after=%lld", (retry_ms + 999) / 1000);
}

static const char *color_of(const struct ctl_answer *answer)
{
    const char *verdict = print_text(answer->result, "verdict");

    if (!answer->options->color || strcmp(verdict, "pass") == 0)
        return "";
    return strcmp(verdict, "would-refuse") == 0 ? "\x1b[33m" : "\x1b[31m";
}

static void print_lost(const struct ctl_answer *answer)
{
    long long lost = print_number(answer->result, "missed") +
                     print_number(answer->result, "dropped");

    if (lost > 0)
        fprintf(answer->out, "... %lld more, too many to be shown\n", lost);
}

static void print_watch(const struct ctl_answer *answer)
{
    static const char *const before[] = {"face", "service"};
    static const char *const after[] = {
        "client", "peer", "sasl", "sender", "recipient"};
    const char *color = color_of(answer);

    print_lost(answer);
    fputs(color, answer->out);
    print_time(answer);
    fputs(print_text(answer->result, "verdict"), answer->out);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        print_pair(answer, before[i], print_text(answer->result, before[i]));
    print_events(answer);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++)
        print_pair(answer, after[i], print_text(answer->result, after[i]));
    print_limit(answer);
    print_pair(answer, "reason", print_text(answer->result, "reason"));
    fprintf(answer->out, "%s\n", color[0] != '\0' ? "\x1b[0m" : "");
}

const struct ctl_command ctl_commands_watch[] = {
    {.name = "watch",
        .usage = "[--refused]",
        .help = "decisions as they happen",
        .target = CTL_STREAM,
        .parse = parse_watch,
        .print = print_watch},
    {0},
};
