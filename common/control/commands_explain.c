/*
 * commands_explain.c - explain: what would become of a request, and why.
 *
 * Asks the real engine, one event after the other, with counting off: no
 * counter, no log line, no metric moves.
 */
#include "common/control/control_command.h"

#include "common/base/alloc.h"
#include "common/control/explain_answer.h"
#include "common/control/explain_question.h"
#include "common/engine/daemon.h"

#include <stdlib.h>

struct explain_call {
    struct control_call *call;
    struct engine *engine;
    struct explain_question question;
    struct explain_ask asks[EXPLAIN_ASKS];
    size_t count, at;
    bool is_running, goes_on;
    struct decision decision;
    json_t *answers;
};

static void explain_call_end(void *state)
{
    struct explain_call *explain = state;

    decision_clear(&explain->decision);
    json_decref(explain->answers);
    free(explain);
}

/* The store answers at once or later: a loop takes the next step, so nothing
 * recurses. */
static void ask_on(struct explain_call *explain)
{
    explain->goes_on = true;
    if (explain->is_running)
        return;
    explain->is_running = true;
    while (explain->goes_on && explain->at < explain->count) {
        explain->goes_on = false;
        explain->decision.event = explain_question_event(
            &explain->question, &explain->asks[explain->at]);
        engine_decide(explain->engine, &explain->decision);
    }
    explain->is_running = false;
    if (explain->goes_on)
        control_answer(explain->call,
            json_pack("{s:O, s:b}", "decisions", explain->answers, "shared",
                store_is_shared(engine_store(explain->engine))));
}

static void on_verdict(struct decision *decision)
{
    struct explain_call *explain = decision->context;

    json_array_append_new(explain->answers, explain_answer(decision));
    explain->at++;
    ask_on(explain);
}

/* False: refused, and the call is over. */
static bool read_question(struct explain_call *explain,
    struct control_call *call, const json_t *arguments)
{
    const struct control_host *host = control_call_host(call);
    struct error err;

    if (!explain_question_read(
            &explain->question, json_object_get(arguments, "request"), &err)) {
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
        return false;
    }
    explain->count = explain_question_asks(&explain->question,
        engine_config(explain->engine), host->faces, explain->asks);
    if (explain->count > 0)
        return true;
    control_refuse(call, CONTROL_UNKNOWN,
        "no face of this daemon is asked about such an event");
    return false;
}

static void run_explain(struct control_call *call, const json_t *arguments)
{
    struct explain_call *explain = xcalloc(1, sizeof *explain);

    explain->engine = daemon_engine(control_call_host(call)->daemon);
    if (!read_question(explain, call, arguments)) {
        free(explain);
        return;
    }
    explain->call = call;
    explain->answers = json_array();
    explain->decision.on_verdict = on_verdict;
    explain->decision.context = explain;
    control_call_keep(call, explain, explain_call_end);
    ask_on(explain);
}

const struct control_command commands_explain[] = {
    {"explain", CONTROL_READ, false, {{"request", CONTROL_TEXTS, true}},
        run_explain, "the verdict for a made-up request, counting nothing"},
    {0},
};
