/*
 * print_peers.c - peers.
 */
#include "ctl/print.h"
#include "ctl/table.h"

static void add_list(struct table *table, const json_t *list,
    enum table_color color, const char *kind)
{
    char date[PRINT_TIME_SIZE];
    size_t index;
    json_t *peer;

    json_array_foreach(list, index, peer) {
        table_add_colored(table, color, kind);
        table_add(table, print_text(peer, "address"));
        table_add(table, print_text(peer, "service"));
        table_add_format(table, "%lld", print_number(peer, "requests"));
        table_add(table, print_date(print_number(peer, "last"), date));
    }
}

static void print_peers(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {{"peer", false, false},
        {"address", false, true}, {"service", false, true},
        {"requests", true, false}, {"last", false, false},
        {NULL, false, false}};
    const json_t *result = answer->result;
    struct table *table = table_new(columns);

    print_heading(answer);
    add_list(table, json_object_get(result, "proxies"), TABLE_GOOD, "proxy");
    add_list(
        table, json_object_get(result, "untrusted"), TABLE_BAD, "UNTRUSTED");
    print_table_or(answer, table,
        print_flag(result, "known")
            ? "nobody has come to a proxied service yet\n"
            : "not known: no service wants a proof, and none has a gate\n");
    if (print_number(result, "forgotten") > 0)
        fprintf(answer->out, "%lld more have come, longer ago\n",
            print_number(result, "forgotten"));
    table_free(&table);
}

const struct ctl_command ctl_commands_peers[] = {
    {.name = "peers",
        .usage = "",
        .help = "proven proxies, and who came past them",
        .print = print_peers},
    {0},
};
