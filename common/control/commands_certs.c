/*
 * commands_certs.c - certs list, certs reload, certs check.
 *
 * Nothing of a key is known here, so nothing can be shown.
 */
#include "common/control/control_command.h"

#include "common/base/clock.h"
#include "common/certs/certs.h"
#include "common/control/certs_summary.h"
#include "common/engine/daemon.h"

static json_t *names_of(const struct certs_chain *chain)
{
    json_t *names = json_array();

    for (char *const *name = chain->names; *name != NULL; name++)
        json_array_append_new(names, control_text(*name));
    return names;
}

static json_t *chain_of(const struct certs_chain *chain)
{
    return json_pack("{s:s, s:i, s:o, s:o, s:s, s:I, s:I, s:I, s:o, s:I}",
        "key_type", chain->key_type, "key_bits", (int)chain->key_bits, "names",
        names_of(chain), "issuer", control_text(chain->issuer), "sha256",
        chain->fingerprint, "not_before", (json_int_t)chain->not_before,
        "not_after", (json_int_t)chain->not_after, "left_s",
        (json_int_t)(chain->not_after - clock_wall_s()), "found_at",
        control_text(chain->found_at), "since", (json_int_t)chain->since_s);
}

/* Null where the section has not this way. */
static json_t *way_of(const struct certs_way *way)
{
    if (way->target[0] == '\0')
        return json_null();
    return json_pack("{s:o, s:I, s:b}", "target", control_text(way->target),
        "done", (json_int_t)way->done_s, "due", way->is_due);
}

static json_t *verify_of(const struct certs_verify *verify)
{
    if (verify->places[0] == '\0')
        return json_null();
    return json_pack("{s:o, s:o, s:b, s:I, s:I}", "places",
        control_text(verify->places), "problem", control_text(verify->problem),
        "failed", verify->has_failed, "looked", (json_int_t)verify->looked_s,
        "good", (json_int_t)verify->good_s);
}

static json_t *section_of(const struct certs_report *report)
{
    json_t *chains = json_array();

    for (size_t i = 0; i < report->chain_count; i++)
        json_array_append_new(chains, chain_of(&report->chains[i]));
    return json_pack("{s:o, s:o, s:o, s:I, s:b, s:o, s:o, s:o, s:o, s:o}",
        "title", control_text(report->title), "source",
        control_text(report->source), "problem", control_text(report->problem),
        "looked", (json_int_t)report->looked_s, "sni", report->has_sni,
        "chains", chains, "default_chain", way_of(&report->default_chain),
        "refresh_map", way_of(&report->refresh_map), "on_change",
        way_of(&report->on_change), "verify", verify_of(&report->verify));
}

static json_t *list_of(const struct certs *certs)
{
    json_t *sections = json_array();
    struct certs_report report;

    for (size_t i = 0; certs_report(certs, i, &report); i++)
        json_array_append_new(sections, section_of(&report));
    return json_pack("{s:o}", "certificates", sections);
}

static void run_list(struct control_call *call, const json_t *arguments)
{
    control_answer(call, list_of(control_call_host(call)->certs));
}

/* Of a daemon without sections: an empty list. */
static void answer_list(struct control_call *call)
{
    const struct certs *certs = control_call_host(call)->certs;

    control_answer(call,
        certs != NULL ? list_of(certs) : json_pack("{s:[]}", "certificates"));
}

static void on_looked(void *context)
{
    answer_list(context);
}

static void forget(void *state)
{
    struct control_call *call = state;

    certs_forget(control_call_host(call)->certs, call);
}

static void run_reload(struct control_call *call, const json_t *arguments)
{
    const struct control_host *host = control_call_host(call);
    struct error err;

    if (!store_reload(engine_store(daemon_engine(host->daemon)), &err)) {
        control_refuse(call, CONTROL_FAILED, "%s", err.text);
        return;
    }
    if (host->certs == NULL) {
        answer_list(call);
        return;
    }
    control_call_keep(call, call, forget);
    certs_look_now(host->certs, on_looked, call);
}

static void run_check(struct control_call *call, const json_t *arguments)
{
    const struct control_host *host = control_call_host(call);
    const json_t *within = json_object_get(arguments, "within_s");
    uint64_t within_s = within != NULL
                            ? (uint64_t)json_integer_value(within)
                            : engine_config(daemon_engine(host->daemon))
                                      ->certificate_expiry_warning_ms /
                                  1000;

    control_answer(
        call, certs_summary_check(host->certs, within_s, within != NULL));
}

const struct control_command commands_certs[] = {
    {"certs list", CONTROL_READ, true, {{0}}, run_list,
        "every certificate in use: names, issuer, end, where it went"},
    {"certs reload", CONTROL_CHANGE, false, {{0}}, run_reload,
        "read all sources now, and what TLS to Redis needs"},
    {"certs check", CONTROL_READ, true, {{"within_s", CONTROL_NUMBER, false}},
        run_check, "which certificates end within that time, or are missing"},
    {0},
};
