/*
 * print_config.c - config show, config check, reload.
 */
#include "ctl/print.h"
#include "ctl/table.h"

#include <string.h>

static bool parse_show(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    const char *what = NULL;

    if (argc == 0)
        return true;
    if (strcmp(argv[0], "-n") == 0)
        what = "changed";
    else if (strcmp(argv[0], "-d") == 0)
        what = "defaults";
    if (what == NULL || argc > 1)
        return error_set(err, "one of -n and -d, or nothing");
    json_object_set_new(arguments, "what", json_string(what));
    return true;
}

/* As it is: it is a file that loads again. */
static void print_show(const struct ctl_answer *answer)
{
    if (!answer->is_alone)
        fputs("# ", answer->out);
    print_heading(answer);
    fputs(print_text(answer->result, "text"), answer->out);
}

static void print_list(
    const struct ctl_answer *answer, const char *member, const char *title)
{
    const json_t *list = json_object_get(answer->result, member);
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item) {
        fprintf(answer->out, "%s", title);
        table_print_text(answer->out,
            json_string_value(item) != NULL ? json_string_value(item) : "");
        fputc('\n', answer->out);
    }
}

static void print_change(const struct ctl_answer *answer, const char *verb)
{
    const char *before = print_text(answer->result, "before");
    const char *after = print_text(answer->result, "after");
    bool is_same = strcmp(before, after) == 0;

    fprintf(answer->out, "%s: ", answer->daemon);
    if (is_same && json_is_true(json_object_get(answer->result, "changed")))
        fprintf(
            answer->out, "%s, what is hidden has changed (%s)\n", verb, after);
    else if (is_same)
        fprintf(answer->out, "%s, nothing has changed (%s)\n", verb, after);
    else
        fprintf(answer->out, "%s, %s replaces %s\n", verb, after, before);
    print_list(answer, "warnings", "  warning: ");
    print_list(answer, "gained", "  gained: ");
    print_list(answer, "lost", "  lost: ");
    print_list(answer, "at_start", "  only a restart changes: ");
}

static bool needs_force(const json_t *result)
{
    return json_array_size(json_object_get(result, "guarded")) > 0;
}

static void print_check(const struct ctl_answer *answer)
{
    bool is_refused = needs_force(answer->result);

    print_change(answer, is_refused ? "refused without --force" : "good");
    print_list(answer, "guarded", "  reload --force would take away: ");
}

static enum ctl_exit judge_check(const json_t *result)
{
    return needs_force(result) ? CTL_REFUSED : CTL_DONE;
}

static bool parse_reload(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    if (argc == 0)
        return true;
    if (argc > 1 || strcmp(argv[0], "--force") != 0)
        return error_set(err, "--force, or nothing");
    json_object_set_new(arguments, "force", json_true());
    return true;
}

static void print_reload(const struct ctl_answer *answer)
{
    print_change(answer, "reloaded");
}

const struct ctl_command ctl_commands_config[] = {
    {.name = "config show",
        .usage = "[-n|-d]",
        .help = "what is in effect; -n changes, -d defaults",
        .target = CTL_EACH,
        .parse = parse_show,
        .print = print_show},
    {.name = "config check",
        .usage = "",
        .help = "would a reload succeed, and what would it change",
        .target = CTL_EACH,
        .print = print_check,
        .judge = judge_check},
    {.name = "reload",
        .usage = "[--force]",
        .help = "read the configuration anew, whole or not at all",
        .target = CTL_EACH,
        .parse = parse_reload,
        .print = print_reload},
    {0},
};
