/*
 * print_explain.c - explain.
 */
#include "common/base/alloc.h"
#include "common/core/event.h"
#include "common/engine/postfix_limits.h"
#include "ctl/postfix_config.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

/* NAME=VALUE…; the daemon knows which names there are. */
static bool parse_explain(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    json_t *request = json_object();

    json_object_set_new(arguments, "request", request);
    if (argc < 1)
        return error_set(err, "what is known of the request, as: "
                              "client=198.51.100.7 service=25");
    for (int i = 0; i < argc; i++) {
        char *name = xstrdup(argv[i]);
        char *equals = strchr(name, '=');
        bool is_good = equals != NULL && equals > name && equals[1] != '\0';
        if (is_good) {
            *equals = '\0';
            is_good = json_object_get(request, name) == NULL &&
                      json_object_set_new(
                          request, name, json_string(equals + 1)) == 0;
        }
        free(name);
        if (!is_good)
            return error_set(err, "%s: allowed: NAME=VALUE, once", argv[i]);
    }
    return true;
}

static enum table_color color_of(const char *outcome)
{
    static const struct {
        const char *outcome;
        enum table_color color;
    } colors[] = {
        {"refused", TABLE_BAD},
        {"would-refuse", TABLE_WARN},
        {"holds", TABLE_WARN},
        {"assumed", TABLE_WARN},
        {"passed", TABLE_GOOD},
        {"ends", TABLE_GOOD},
        {"exempt", TABLE_GOOD},
    };

    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
        if (strcmp(colors[i].outcome, outcome) == 0)
            return colors[i].color;
    return TABLE_FAINT;
}

static void add_outcome(struct table *table, const json_t *line)
{
    const char *outcome = print_text(line, "outcome");

    table_add_colored(table, color_of(outcome),
        strcmp(outcome, "ends") == 0 ? "passes" : outcome);
}

static const char *why_not_asked(const json_t *limit)
{
    if (strcmp(print_text(limit, "outcome"), "skipped") != 0)
        return "";
    return print_flag(limit, "exempt") ? "does not apply to exempt clients"
                                       : "does not apply";
}

/* In force at the listener of that name, else in main.cf. NULL: not known. */
static const char *main_cf_limit(
    const struct postfix_config *postfix, const json_t *decision)
{
    const struct postfix_service *service;
    enum event_kind kind;

    if (postfix == NULL ||
        !event_kind_parse(print_text(decision, "event"), &kind) ||
        postfix_client_limits[kind] == NULL)
        return NULL;
    service = postfix_config_service(
        postfix, print_text(decision, "service"), "inet");
    return postfix_parameters_find(service != NULL && service->is_listener
                                       ? &service->in_force
                                       : &postfix->main,
        postfix_client_limits[kind]);
}

/* n: of main.cf; NULL: no Postfix is here to tell, but maybe where the daemon
 * is. */
static void add_report_text(
    struct table *table, const json_t *limit, const char *n)
{
    const char *window = print_text(limit, "window");
    long long told = print_number(limit, "postfix_limit");
    char number[24];
    long long used = print_number(limit, "used");
    const char *in = window[0] != '\0' ? " in " : "";

    if (n == NULL && told > 0) {
        (void)snprintf(number, sizeof number, "%lld", told);
        n = number;
    }
    if (n == NULL)
        table_add_format(
            table, "%lld of main.cf's limit%s%s", used, in, window);
    else if (strcmp(n, "0") == 0)
        table_add_format(
            table, "%lld%s%s; main.cf has no limit", used, in, window);
    else
        table_add_format(table, "%lld%s%s; Postfix refuses above %.20s", used,
            in, window, n);
}

static void add_limit_text(struct table *table, const json_t *limit)
{
    long long allowed = print_number(limit, "allowed");
    long long retry_ms = print_number(limit, "retry_after_ms");
    const char *window = print_text(limit, "window");
    char retry[PRINT_TIME_SIZE + 16] = "", span[PRINT_TIME_SIZE];
    char number[32] = "no limit";

    if (json_object_get(limit, "used") == NULL) {
        table_add(table, why_not_asked(limit));
        return;
    }
    if (!json_is_null(json_object_get(limit, "allowed")))
        (void)snprintf(number, sizeof number, "%lld", allowed);
    if (retry_ms > 0)
        (void)snprintf(retry, sizeof retry, ", again in %s",
            print_span((retry_ms + 999) / 1000, span));
    table_add_format(table, "%lld of %s%s%s%s%s", print_number(limit, "used"),
        number, window[0] != '\0' ? " in " : "", window,
        print_flag(limit, "overridden") ? " (override)" : "", retry);
}

static bool is_report(const json_t *limit)
{
    return print_text(limit, "limit")[0] == '\0';
}

static void add_limit(
    struct table *table, const json_t *limit, const char *main_cf)
{
    if (is_report(limit))
        table_add(table, "report");
    else
        table_add_format(table, "limit %s", print_text(limit, "limit"));
    add_outcome(table, limit);
    if (is_report(limit))
        add_report_text(table, limit, main_cf);
    else
        add_limit_text(table, limit);
}

static void print_decision(const struct ctl_answer *answer,
    const json_t *decision, const struct postfix_config *postfix)
{
    static const struct table_column columns[] = {{"check", false, true},
        {"outcome", false, false}, {"", false, true}, {NULL, false, false}};
    struct table *table = table_new(columns);
    size_t index;
    json_t *line;

    fprintf(answer->out, "%s at %s", print_text(decision, "event"),
        print_text(decision, "face"));
    if (print_text(decision, "service")[0] != '\0')
        fputs(", service ", answer->out);
    table_print_text(answer->out, print_text(decision, "service"));
    fputc('\n', answer->out);
    json_array_foreach(json_object_get(decision, "checks"), index, line) {
        table_add(table, print_text(line, "check"));
        add_outcome(table, line);
        table_add(table, print_text(line, "text"));
    }
    json_array_foreach(json_object_get(decision, "limits"), index, line) {
        add_limit(table, line, main_cf_limit(postfix, decision));
    }
    print_table(answer, table);
    table_free(&table);
    fprintf(answer->out, "verdict: %s (%s): ", print_text(decision, "verdict"),
        print_text(decision, "reason"));
    table_print_text(answer->out, print_text(decision, "reply"));
    fputc('\n', answer->out);
}

static bool has_report(const json_t *decisions)
{
    size_t index, at;
    json_t *decision, *limit;

    json_array_foreach(decisions, index, decision)
        json_array_foreach(json_object_get(decision, "limits"), at, limit)
            if (is_report(limit))
                return true;
    return false;
}

static void print_explain(const struct ctl_answer *answer)
{
    const json_t *decisions = json_object_get(answer->result, "decisions");
    struct error ignored; /* no Postfix is here: its limits are not known */
    struct postfix_config *postfix =
        has_report(decisions) ? postfix_config_load(NULL, &ignored) : NULL;
    size_t index;
    json_t *decision;

    print_heading(answer);
    json_array_foreach(decisions, index, decision) {
        if (index > 0)
            fputc('\n', answer->out);
        print_decision(answer, decision, postfix);
    }
    postfix_config_free(&postfix);
}

const struct ctl_command ctl_commands_explain[] = {
    {.name = "explain",
        .usage = "NAME=VALUE...",
        .help = "the verdict for a made-up request, and why",
        .target = CTL_EACH,
        .parse = parse_explain,
        .print = print_explain},
    {0},
};
