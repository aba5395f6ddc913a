/*
 * print_status.c - status.
 */
#include "ctl/print.h"
#include "ctl/table.h"

#include <string.h>

#define MIB (1024 * 1024)

/* Of a daemon of an earlier version, or who may not ask: not known. */
static void print_store_memory(
    const struct ctl_answer *answer, const json_t *memory)
{
    long long max = print_number(memory, "max");
    const char *warning = print_text(memory, "warning");

    if (!json_is_object(memory)) {
        table_print_pair(answer->out, "",
            "memory unknown: Redis was not asked yet, or denies INFO");
        return;
    }
    if (max > 0)
        table_print_pair(answer->out, "", "%lld MiB of %lld used, %s",
            print_number(memory, "used") / MIB, max / MIB,
            print_text(memory, "policy"));
    if (warning[0] != '\0')
        table_print_pair(answer->out, "", "MEMORY: %s", warning);
}

static void print_store(const struct ctl_answer *answer)
{
    const json_t *store = json_object_get(answer->result, "store");
    bool is_shared = print_flag(store, "shared");

    table_print_pair(answer->out, "store", "%s, %s%s", print_text(store, "url"),
        print_flag(store, "available")
            ? "available"
            : "AWAY, limits do what on_store_failure says; breaker ",
        print_flag(store, "available") ? "" : print_text(store, "breaker"));
    if (is_shared)
        table_print_pair(answer->out, "",
            "%lld instances; %lld failures in "
            "%lld round trips, %lld reconnects",
            print_number(store, "instances"), print_number(store, "failures"),
            print_number(store, "round_trips"),
            print_number(store, "reconnects"));
    if (is_shared)
        print_store_memory(answer, json_object_get(store, "memory"));
    table_print_pair(answer->out, "", "%lld counters, %lld places held%s",
        print_number(store, "counters"), print_number(store, "leases"),
        is_shared ? " in this process" : "");
}

static void print_certificates(const struct ctl_answer *answer)
{
    const json_t *certificates =
        json_object_get(answer->result, "certificates");
    long long missing = print_number(certificates, "missing");
    long long unserved = print_number(certificates, "unserved");
    char left[PRINT_TIME_SIZE];

    if (print_number(certificates, "sections") == 0)
        return;
    if (json_is_object(json_object_get(certificates, "soonest")))
        table_print_pair(answer->out, "certificates",
            "%lld, the first ends in %s: %s",
            print_number(certificates, "sections"),
            print_span(print_number(certificates, "soonest.left_s"), left),
            print_text(certificates, "soonest.title"));
    if (missing > 0)
        table_print_pair(answer->out, "certificates",
            "%lld MISSING: see tollgatectl certs", missing);
    if (unserved > 0)
        table_print_pair(answer->out, "certificates",
            "%lld NOT SERVED AS PUBLISHED: see tollgatectl certs", unserved);
}

static void print_proof(const struct ctl_answer *answer)
{
    const json_t *proof = json_object_get(answer->result, "proof");
    char last[PRINT_TIME_SIZE];

    if (!json_is_object(proof))
        return;
    table_print_pair(answer->out, "proof",
        "REFUSED BY THE KERNEL %lld times (%s), last %s ago%s",
        print_number(proof, "refused"), print_text(proof, "cause"),
        print_span(print_number(proof, "last_s"), last),
        print_flag(proof, "total") ? ": no peer can be proven" : "");
    table_print_pair(answer->out, "", "%s", print_text(proof, "text"));
}

static void print_gateway(const struct ctl_answer *answer)
{
    const json_t *gateway = json_object_get(answer->result, "gateway");

    if (!json_is_object(gateway))
        return;
    table_print_pair(answer->out, "clients",
        "HIDDEN BY A GATEWAY: %lld of the last %lld of service %s were %s",
        print_number(gateway, "hits"), print_number(gateway, "of"),
        print_text(gateway, "service"), print_text(gateway, "client"));
    table_print_pair(answer->out, "", "%s", print_text(gateway, "text"));
}

static void print_gates(const struct ctl_answer *answer)
{
    const json_t *gates = json_object_get(answer->result, "gates");

    if (!json_is_object(gates))
        return;
    table_print_pair(answer->out, "gates",
        "%lld in hand; %lld passed, %lld refused, %lld health checks",
        print_number(gates, "in_hand"), print_number(gates, "passed"),
        print_number(gates, "refused"), print_number(gates, "check"));
    table_print_pair(answer->out, "",
        "%lld bad headers, %lld left, %lld crowded out; without an smtpd: "
        "%lld, of them %lld without a pass service",
        print_number(gates, "header"), print_number(gates, "gone"),
        print_number(gates, "crowded"),
        print_number(gates, "late") + print_number(gates, "away"),
        print_number(gates, "away"));
}

static void print_faces(const struct ctl_answer *answer)
{
    static const struct table_column columns[] = {{"face", false, false},
        {"connections", true, false}, {"decisions", true, false},
        {"refused", true, false}, {"shadowed", true, false},
        {"malformed", true, false}, {NULL, false, false}};
    static const char *const numbers[] = {
        "connections", "decisions", "refused", "shadowed", "malformed"};
    struct table *table = table_new(columns);
    const char *name;
    json_t *face;

    json_object_foreach(json_object_get(answer->result, "faces"), name, face) {
        table_add(table, name);
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            table_add_format(table, "%lld", print_number(face, numbers[i]));
    }
    print_table(answer, table);
    table_free(&table);
}

static void print_config(const struct ctl_answer *answer)
{
    const json_t *config = json_object_get(answer->result, "config");
    const char *file = print_text(config, "file");
    char age[PRINT_TIME_SIZE];

    table_print_pair(answer->out, "configuration", "%s, %s, read %s ago",
        file[0] != '\0' ? file : "no file", print_text(config, "hash"),
        print_span(print_number(config, "age_s"), age));
}

static void print_status(const struct ctl_answer *answer)
{
    const json_t *result = answer->result;
    char uptime[PRINT_TIME_SIZE];

    table_print_pair(answer->out, "daemon", "%s %s, pid %lld, on %s",
        answer->daemon, print_text(result, "version"),
        print_number(result, "pid"), print_text(result, "instance"));
    table_print_pair(answer->out, "state", "%s, up %s%s",
        print_text(result, "phase"),
        print_span(print_number(result, "uptime_s"), uptime),
        print_flag(result, "shadow") ? ", SHADOW: refuses nothing" : "");
    if (print_number(result, "displaced") > 0)
        table_print_pair(answer->out, "", "%lld SOCKETS DISPLACED: see the log",
            print_number(result, "displaced"));
    if (print_text(result, "trouble")[0] != '\0')
        table_print_pair(
            answer->out, "TROUBLE", "%s", print_text(result, "trouble"));
    print_config(answer);
    print_store(answer);
    print_certificates(answer);
    print_proof(answer);
    print_gateway(answer);
    print_gates(answer);
    print_faces(answer);
    if (!answer->is_alone)
        fputc('\n', answer->out);
}

const struct ctl_command ctl_commands_status[] = {
    {.name = "status",
        .usage = "",
        .help = "how the daemons are, their stores and faces",
        .target = CTL_EACH,
        .print = print_status},
    {0},
};
