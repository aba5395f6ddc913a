/*
 * print_certs.c - certs, certs reload, certs check.
 */
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include "common/base/duration.h"

static const char *left(long long seconds, char text[PRINT_TIME_SIZE])
{
    return seconds > 0 ? print_span(seconds, text) : "OVER";
}

static void print_way(
    const struct ctl_answer *answer, const json_t *section, const char *name)
{
    const json_t *way = json_object_get(section, name);
    long long done = print_number(way, "done");
    char date[PRINT_TIME_SIZE];

    if (!json_is_object(way))
        return;
    fprintf(answer->out, "  to %s ", name);
    table_print_text(answer->out, print_text(way, "target"));
    fprintf(answer->out, ", %s%s%s\n", done > 0 ? "done " : "not done yet",
        done > 0 ? print_date(done, date) : "",
        print_flag(way, "due") ? ", due again" : "");
}

static void print_verify(const struct ctl_answer *answer, const json_t *section)
{
    const json_t *verify = json_object_get(section, "verify");
    const char *problem = print_text(verify, "problem");
    long long good = print_number(verify, "good");
    char date[PRINT_TIME_SIZE];

    if (!json_is_object(verify))
        return;
    fputs("  verified at ", answer->out);
    table_print_text(answer->out, print_text(verify, "places"));
    if (print_number(verify, "looked") == 0)
        fputs(": not yet\n", answer->out);
    else if (problem[0] == '\0')
        fprintf(
            answer->out, ": served as published, %s\n", print_date(good, date));
    else {
        fputs(print_flag(verify, "failed") ? ": NOT SERVED AS PUBLISHED\n    "
                                           : ": not yet as published\n    ",
            answer->out);
        table_print_text(answer->out, problem);
        fputc('\n', answer->out);
    }
}

static void print_chain(const struct ctl_answer *answer, const json_t *chain)
{
    char date[PRINT_TIME_SIZE], span[PRINT_TIME_SIZE];
    size_t index;
    json_t *name;

    fprintf(answer->out, "  %s-%lld until %s (%s), for",
        print_text(chain, "key_type"), print_number(chain, "key_bits"),
        print_date(print_number(chain, "not_after"), date),
        left(print_number(chain, "left_s"), span));
    json_array_foreach(json_object_get(chain, "names"), index, name) {
        fputc(' ', answer->out);
        table_print_text(answer->out,
            json_string_value(name) != NULL ? json_string_value(name) : "");
    }
    fputs("\n    by ", answer->out);
    table_print_text(answer->out, print_text(chain, "issuer"));
    fputs("\n    from ", answer->out);
    table_print_text(answer->out, print_text(chain, "found_at"));
    fprintf(answer->out, ", in use since %s\n    SHA-256 ",
        print_date(print_number(chain, "since"), date));
    table_print_text(answer->out, print_text(chain, "sha256"));
    fputc('\n', answer->out);
}

static void print_section(
    const struct ctl_answer *answer, const json_t *section)
{
    const char *problem = print_text(section, "problem");
    const json_t *chains = json_object_get(section, "chains");
    size_t index;
    json_t *chain;

    table_print_text(answer->out, print_text(section, "title"));
    fputs(" from ", answer->out);
    table_print_text(answer->out, print_text(section, "source"));
    fprintf(answer->out, "%s\n",
        json_array_size(chains) == 0 ? ": NONE TO SERVE" : "");
    if (problem[0] != '\0') {
        fputs("  problem: ", answer->out);
        table_print_text(answer->out, problem);
        fputc('\n', answer->out);
    }
    json_array_foreach(chains, index, chain)
        print_chain(answer, chain);
    if (print_flag(section, "sni"))
        fputs("  to sni, by name\n", answer->out);
    print_way(answer, section, "default_chain");
    print_way(answer, section, "refresh_map");
    print_way(answer, section, "on_change");
    print_verify(answer, section);
}

static void print_list(const struct ctl_answer *answer)
{
    const json_t *sections = json_object_get(answer->result, "certificates");
    size_t index;
    json_t *section;

    if (json_array_size(sections) == 0)
        fputs("no certificate section is configured\n", answer->out);
    json_array_foreach(sections, index, section)
        print_section(answer, section);
}

static void print_reload(const struct ctl_answer *answer)
{
    const json_t *sections = json_object_get(answer->result, "certificates");

    if (json_array_size(sections) > 0) {
        print_list(answer);
        return;
    }
    table_print_text(answer->out, answer->daemon);
    fputs(": read what TLS to Redis needs; no certificate section\n",
        answer->out);
}

static bool parse_check(
    int argc, char **argv, json_t *arguments, struct error *err)
{
    struct words_option options[] = {
        {.name = "--within", .wants = "a duration, as 14d"}, {0}};
    uint64_t within_ms;

    if (!words_take_options(options, &argc, argv, err))
        return false;
    if (argc > 0)
        return error_set(err, "\"%s\" is too much", argv[0]);
    if (options[0].value == NULL)
        return true;
    if (!duration_parse(options[0].value, &within_ms, err))
        return error_prefix(err, "--within: ");
    json_object_set_new(
        arguments, "within_s", json_integer((json_int_t)(within_ms / 1000)));
    return true;
}

static void print_check(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {{"certificate", false, true},
        {"ends", false, false}, {"left", false, false},
        {"problem", false, true}, {NULL, false, false}};
    struct table *table = table_new(columns);
    char date[PRINT_TIME_SIZE], span[PRINT_TIME_SIZE];
    size_t index;
    json_t *item;

    json_array_foreach(
        json_object_get(answer->result, "certificates"), index, item) {
        bool is_missing = json_is_null(json_object_get(item, "not_after"));
        table_add(table, print_text(item, "title"));
        table_add(table,
            is_missing ? "-"
                       : print_date(print_number(item, "not_after"), date));
        table_add_colored(table,
            print_flag(item, "good") ? TABLE_GOOD : TABLE_BAD,
            is_missing ? "MISSING" : left(print_number(item, "left_s"), span));
        table_add(table, print_text(item, "problem"));
    }
    print_table(answer, table);
    table_free(&table);
}

static enum ctl_exit judge_check(const json_t *result)
{
    return print_flag(result, "good") ? CTL_DONE : CTL_REFUSED;
}

const struct ctl_command ctl_commands_certs[] = {
    {.name = "certs",
        .usage = "[list]",
        .help = "certificates in use, and where they went",
        .remote = "certs list",
        .print = print_list},
    {.name = "certs list",
        .usage = "",
        .help = "the same",
        .remote = "certs list",
        .print = print_list},
    {.name = "certs reload",
        .usage = "",
        .help = "read all sources now, and TLS of the store",
        .print = print_reload},
    {.name = "certs check",
        .usage = "[--within 14d]",
        .help = "exit 1 if one ends within that time, or is missing",
        .parse = parse_check,
        .print = print_check,
        .judge = judge_check},
    {0},
};
