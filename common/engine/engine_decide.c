/*
 * engine_decide.c - the way of every decision: proof, ban, exemption, limits.
 *
 * Reads no socket and no clock but for measuring the store. A store that is
 * away is no failure here: every limit has said what is to happen then.
 */
#include "common/engine/engine_private.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/ban.h"
#include "common/engine/decision_ring.h"
#include "common/engine/penalties.h"
#include "common/engine/per_message.h"
#include "common/engine/postfix_limits.h"
#include "common/engine/refusal.h"
#include "common/engine/tops.h"
#include "common/engine/usages.h"
#include "common/engine/warning.h"

#include <string.h>

#define NEWCOMERS_SAID_MS 60000

static void decision_begin(struct engine *engine, struct decision *decision)
{
    if (decision->config != engine->config) {
        config_unref(&decision->config);
        decision->config = config_ref(engine->config);
    }
    decision->engine = engine;
    decision->service = config_find_service(
        engine->config, decision->event.service, decision->event.peer.port);
    if (engine->config->has_gates)
        proof_know_gate(decision);
    decision->service_title = decision->service != NULL
                                  ? decision->service->title
                                  : decision->event.service;
    if (decision->service == NULL && !decision->event.is_dry)
        names_note(&engine->services, decision->event.service);
    config_fold_client(engine->config, &decision->event.client);
    decision->event.is_exempt = false;
    memset(&decision->verdict, 0, sizeof decision->verdict);
    decision->bill.count = 0;
    decision->would_refuse = false;
    decision->postfix_limit = 0;
}

/* smtpd compares each count that it asked for, and does not tell us. */
static void foresee_postfix(struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct verdict *verdict = &decision->verdict;

    if (event->face != FACE_ANVIL || verdict->kind != VERDICT_PASS)
        return;
    for (unsigned i = 0; i < EVENT_KINDS; i++) {
        enum event_kind kind = (enum event_kind)i;
        if (event->amount[kind] == 0)
            continue;
        uint32_t n = postfix_limits_of(
            decision->engine->postfix_limits, event->service, kind);
        if (n > 0 && verdict->count[kind] > n) {
            decision->postfix_limit = n;
            decision->postfix_count = verdict->count[kind];
        }
    }
}

static void decision_end(struct decision *decision)
{
    const struct verdict *verdict = &decision->verdict;
    struct metrics *metrics = &decision->engine->metrics;

    if (decision->event.is_gate)
        metrics->gate_decisions[verdict->kind][verdict->reason]++;
    else if (!decision->event.is_dry)
        metrics
            ->decisions[decision->event.face][verdict->kind][verdict->reason]++;
    foresee_postfix(decision);
    tops_note(decision->engine->tops, decision, clock_coarse_ms());
    decision_ring_note(decision->engine->ring, decision);
    if (log_is_wanted(LOG_LEVEL_DEBUG))
        decision_log_trace(decision);
    decision->on_verdict(decision);
}

/* From anvil a client may be a net: exempt only if all of it is. Behind a
 * proxy a claim, which has been judged. */
static void judge_exemption(struct decision *decision)
{
    const struct cidr_list *exempt = &decision->config->exempt_clients;
    struct event *event = &decision->event;

    if (decision->service == NULL || !decision->service->proxied)
        event->is_exempt = exempt->count > 0 &&
                           event->client.net.family != ADDRESS_NONE &&
                           cidr_list_contains_net(exempt, &event->client);
    if (event->is_exempt && !decision->verdict.is_held)
        decision->verdict.reason = REASON_EXEMPT;
}

static struct edict_table *edicts_of(const struct decision *decision)
{
    return store_edicts(decision->engine->store);
}

static struct refusal refusal_of(
    const struct decision *decision, const struct charge *charge)
{
    const struct bill_item *item = bill_item_of(&decision->bill, charge);

    return (struct refusal){.limit = item->limit,
        .subject = charge->subject,
        .kind = item->kind,
        .used = charge->used,
        .allowed = item->n,
        .window_ms = item->window_ms,
        .retry_ms = charge->retry_ms};
}

/* What the anvil face reports: Postfix's own counters, not other limits. Whom
 * an override lets pass, main.cf's twin of the limit must not refuse. */
static void set_counts(struct decision *decision)
{
    const struct bill *bill = &decision->bill;

    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_item *item = &bill->items[i];
        uint32_t *count = &decision->verdict.count[item->kind];
        uint32_t used = bill->charges[i].used;
        if (item->limit != NULL && !item->limit->is_client)
            continue;
        if (item->is_overridden && used > item->limit->n)
            used = item->limit->n;
        if (used > *count)
            *count = used;
    }
}

/* Not of what is counted together: of names beyond the bound, or of the logins
 * of a domain, where the one that is refused may have sent nothing. */
static void penalize(const struct decision *decision)
{
    const struct bill *bill = &decision->bill;

    for (size_t i = 0; i < bill->count; i++) {
        const struct charge *charge = &bill->charges[i];
        if (!charge->refused || bill->items[i].limit == NULL ||
            charge->subject == &bill->others || bill->items[i].is_total)
            continue;
        const struct refusal refusal = refusal_of(decision, charge);
        engine_penalize(decision, &refusal);
    }
}

/* A limit that holds is one of the shadows in the store. */
static void judge_refused(
    struct decision *decision, const struct charge *refusing)
{
    const struct bill *bill = &decision->bill;

    for (size_t i = 0; i < bill->count; i++) {
        const struct charge *charge = &bill->charges[i];
        if (!charge->refused || !charge->shadow)
            continue;
        struct refusal refusal = refusal_of(decision, charge);
        if (!bill_holds(bill->items[i].limit))
            refusal_note_shadow(decision, refusal);
        else if (refusing == NULL)
            refusal_hold(decision, &refusal);
    }
    if (refusing != NULL) {
        struct refusal refusal = refusal_of(decision, refusing);
        refusal_make(decision, &refusal);
    }
}

/* by_store: not by this daemon's share in an outage, which bans nobody. */
static void engine_judge(struct decision *decision, bool by_store)
{
    const struct bill *bill = &decision->bill;
    bool is_refused = false;

    set_counts(decision);
    if (decision->config->warns)
        warning_judge(decision);
    for (size_t i = 0; i < bill->count; i++)
        is_refused |= bill->charges[i].refused;
    if (!is_refused)
        return;
    bill_settle_calendars(&decision->bill);
    judge_refused(decision, bill_refusal(bill));
    if (by_store)
        penalize(decision);
}

static void engine_defer(struct decision *decision)
{
    const struct refusal refusal = {
        .reason = REASON_STORE, .kind = decision->bill.items[0].kind};

    decision->verdict.kind = VERDICT_DEFER;
    decision->verdict.is_held = false;
    decision->verdict.reason = REASON_STORE;
    decision->verdict.limit = NULL;
    if (!decision->event.silent)
        decision_log_refusal(decision, &refusal);
}

static void engine_on_charged_locally(
    struct store_request *request, enum store_status status)
{
    struct decision *decision = request->context;
    struct store_state state;

    (void)status; /* this process's memory is always there */
    store_state(decision->engine->store, &state);
    bill_scale_reports(&decision->bill, state.serving, decision->event.face);
    if (bill_refusal(&decision->bill) != NULL)
        engine_lease_give_back(decision);
    engine_judge(decision, false);
}

static void engine_decide_without_store(struct decision *decision)
{
    struct store *store = decision->engine->store;
    struct bill *bill = &decision->bill;
    struct store_state state;

    if (!decision->event.is_dry)
        decision->engine->metrics.store_unavailable++;
    store_state(store, &state);
    if (!bill_reduce_to_local(bill, decision->config, state.serving)) {
        engine_lease_give_back(decision);
        engine_defer(decision);
    } else if (bill->count == bill->known) {
        if (bill->known > 0)
            engine_judge(decision, false);
    } else {
        decision->request.charges = bill->charges + bill->known;
        decision->request.count = bill->count - bill->known;
        decision->request.on_done = engine_on_charged_locally;
        store_charge_local(store, &decision->request);
    }
    decision_end(decision);
}

static void engine_on_charged(
    struct store_request *request, enum store_status status)
{
    struct decision *decision = request->context;
    struct engine *engine = decision->engine;

    if (status == STORE_PARTLY)
        bill_keep_known(&decision->bill);
    if (status != STORE_OK) {
        engine_decide_without_store(decision);
        return;
    }
    if (decision->started_us != 0 && !decision->event.is_dry)
        metrics_round_trip(
            &engine->metrics, clock_monotonic_us() - decision->started_us);
    if (decision->config->reports && engine->usages != NULL)
        usages_note(engine->usages, decision, clock_coarse_ms());
    engine_judge(decision, true);
    decision_end(decision);
}

static void engine_charge(struct engine *engine, struct decision *decision)
{
    struct store_request *request = &decision->request;

    request->charges = decision->bill.charges;
    request->count = decision->bill.count;
    request->peek = decision->event.peek;
    request->on_done = engine_on_charged;
    request->context = decision;
    decision->started_us = 0;
    if (decision->event.is_gate) {
        store_look(engine->store, request);
        return;
    }
    decision->started_us =
        store_is_shared(engine->store) ? clock_monotonic_us() : 0;
    store_charge(engine->store, request);
}

/* Said once a minute, counted always. */
static void bound_newcomers(struct engine *engine, struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct limit *limit = bill_bound_newcomers(
        &decision->bill, engine->newcomers, decision->config, event);

    if (limit == NULL || event->peek)
        return;
    uint64_t now_ms = clock_coarse_ms();
    engine->metrics.shared_counters++;
    if (engine->newcomers_said_ms != 0 &&
        now_ms < engine->newcomers_said_ms + NEWCOMERS_SAID_MS)
        return;
    engine->newcomers_said_ms = now_ms;
    log_warn("limit %s: %s has named %u keys within a window "
             "(new_keys_per_client); what is new is counted together",
        limit->name, event->client_text,
        (unsigned)decision->config->new_keys_per_client);
}

/* An override of 0 refuses by itself: the store is not asked or charged. */
static bool judge_blocked(struct decision *decision)
{
    uint64_t now_ms = clock_monotonic_ms(); /* in whole seconds it is told */

    for (size_t i = 0; i < decision->bill.count; i++) {
        const struct bill_item *item = &decision->bill.items[i];
        uint64_t until_ms = item->blocked_until_ms;
        const struct refusal refusal = {.limit = item->limit,
            .kind = item->kind,
            .window_ms = item->window_ms,
            .retry_ms = until_ms > now_ms ? (int64_t)(until_ms - now_ms) : 0};
        if (until_ms == 0)
            continue;
        if (!refusal_by_limit(decision, &refusal))
            return false;
    }
    return true;
}

void engine_decide(struct engine *engine, struct decision *decision)
{
    decision_begin(engine, decision);
    if (decision->config->judges_peers &&
        !proof_judge(&engine->proof, decision)) {
        decision_end(decision);
        return;
    }
    if (!ban_judge(decision)) {
        decision_end(decision);
        return;
    }
    judge_exemption(decision);
    gateway_watch_note(&engine->gateways, decision);
    if (!per_message_judge(decision)) {
        decision_end(decision);
        return;
    }
    bill_write(&decision->bill, edicts_of(decision), decision->config,
        &decision->event, decision->service_title);
    if (engine->newcomers != NULL)
        bound_newcomers(engine, decision);
    if (decision->bill.count == 0 ||
        (decision->bill.is_blocked && !judge_blocked(decision)))
        decision_end(decision);
    else
        engine_charge(engine, decision);
}

void decision_clear(struct decision *decision)
{
    if (decision->engine != NULL)
        store_cancel(decision->engine->store, &decision->request);
    config_unref(&decision->config);
    decision->bill.count = 0;
}
