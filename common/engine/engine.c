/*
 * engine.c - see engine.h.
 *
 * Reads no socket and no clock but for measuring the store. A store that is
 * away is no failure here: every limit has said what is to happen then.
 */
#include "common/engine/engine.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/engine/decision_log.h"
#include "common/engine/proof.h"

#include <stdlib.h>
#include <string.h>

struct engine {
    struct store *store;   /* borrowed */
    struct config *config; /* the current snapshot; held */
    struct metrics metrics;
    struct proof proof;
};

struct engine *engine_new(struct store *store, struct config *config)
{
    struct engine *engine = xcalloc(1, sizeof *engine);

    engine->store = store;
    engine->config = config_ref(config);
    proof_follow(&engine->proof, config);
    return engine;
}

void engine_free(struct engine **engine)
{
    if (*engine == NULL)
        return;
    proof_clear(&(*engine)->proof);
    config_unref(&(*engine)->config);
    free(*engine);
    *engine = NULL;
}

void engine_reload(struct engine *engine, struct config *config)
{
    config_unref(&engine->config);
    engine->config = config_ref(config);
    proof_follow(&engine->proof, config);
}

void engine_use_trust(struct engine *engine, struct trust *trust)
{
    engine->proof.trust = trust;
    proof_follow(&engine->proof, engine->config);
}

bool engine_judges_peers(const struct engine *engine)
{
    return engine->config->judges_peers;
}

/* A service that is known by its name not to want proof is not looked at. */
void engine_prove(struct engine *engine, int fd, int *hint, struct event *event)
{
    const struct config_service *service;

    event->peer.state = PEER_NOT_ASKED;
    if (!engine->config->wants_proof)
        return;
    service = config_find_service(engine->config, event->service, 0);
    if (service == NULL || service->proof != SERVICE_PROOF_OFF)
        peer_prove(&engine->proof.prover, fd, hint, &event->peer);
}

struct config *engine_config(const struct engine *engine)
{
    return engine->config;
}

struct store *engine_store(const struct engine *engine)
{
    return engine->store;
}

struct metrics *engine_metrics(struct engine *engine)
{
    return &engine->metrics;
}

static void decision_begin(struct engine *engine, struct decision *decision)
{
    if (decision->config != engine->config) {
        config_unref(&decision->config);
        decision->config = config_ref(engine->config);
    }
    decision->engine = engine;
    decision->service = config_find_service(
        engine->config, decision->event.service, decision->event.peer.port);
    decision->service_title = decision->service != NULL
                                  ? decision->service->title
                                  : decision->event.service;
    memset(&decision->verdict, 0, sizeof decision->verdict);
    decision->bill.count = 0;
}

static void decision_end(struct decision *decision)
{
    const struct verdict *verdict = &decision->verdict;
    struct metrics *metrics = &decision->engine->metrics;

    metrics->decisions[decision->event.face][verdict->kind][verdict->reason]++;
    decision->on_verdict(decision);
}

/* From anvil a client may be a net: exempt only if all of it is. Behind a
 * proxy a claim, which has been judged. */
static bool is_exempt(const struct decision *decision)
{
    const struct cidr_list *exempt = &decision->config->exempt_clients;

    return exempt->count > 0 &&
           (decision->service == NULL || !decision->service->proxied) &&
           decision->event.client.net.family != ADDRESS_NONE &&
           cidr_list_contains_net(exempt, &decision->event.client);
}

static void refuse(struct decision *decision, const struct refusal *refusal)
{
    struct verdict *verdict = &decision->verdict;

    verdict->kind = VERDICT_REFUSE;
    verdict->reason = REASON_LIMIT;
    verdict->limit = refusal->limit;
    verdict->used = refusal->used;
    verdict->retry_ms = refusal->retry_ms;
    if (decision->event.silent)
        return;
    metrics_refused(
        &decision->engine->metrics, refusal->limit, refusal->kind, false);
    decision_log_refusal(decision, refusal);
}

/* After a peek the event itself comes, since nothing was refused. */
static void note_shadow(struct decision *decision, struct refusal refusal)
{
    if (decision->event.peek)
        return;
    refusal.is_shadow = true;
    decision->engine->metrics.shadow_refusals[decision->event.face]++;
    metrics_refused(
        &decision->engine->metrics, refusal.limit, refusal.kind, true);
    decision_log_refusal(decision, &refusal);
}

/* max_per_message needs no store: the face has counted this message. */
static bool refuses_per_message(struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct config_feed *feed =
        &decision->config->feeds[event->face][EVENT_RECIPIENT];

    if (event->amount[EVENT_RECIPIENT] == 0)
        return false;
    for (size_t i = 0; i < feed->count; i++) {
        const struct limit *limit = feed->limits[i];
        if (limit->kind != LIMIT_PER_MESSAGE ||
            event->message_recipients <= limit->n ||
            !limit_applies(limit, event, decision->service_title))
            continue;
        struct refusal refusal = {.limit = limit,
            .kind = EVENT_RECIPIENT,
            .used = event->message_recipients - event->amount[EVENT_RECIPIENT],
            .retry_ms = CHARGE_NEVER};
        if (!limit->shadow) {
            refuse(decision, &refusal);
            return true;
        }
        note_shadow(decision, refusal);
    }
    return false;
}

static struct refusal refusal_of(
    const struct decision *decision, const struct charge *charge)
{
    const struct bill_item *item = bill_item_of(&decision->bill, charge);

    return (struct refusal){.limit = item->limit,
        .kind = item->kind,
        .used = charge->used,
        .retry_ms = charge->retry_ms};
}

/* What the anvil face reports: Postfix's own counters, not other limits. */
static void set_counts(struct decision *decision)
{
    const struct bill *bill = &decision->bill;

    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_item *item = &bill->items[i];
        uint32_t *count = &decision->verdict.count[item->kind];
        if (item->limit != NULL && !item->limit->is_client)
            continue;
        if (bill->charges[i].used > *count)
            *count = bill->charges[i].used;
    }
}

static void engine_judge(struct decision *decision)
{
    const struct bill *bill = &decision->bill;
    const struct charge *refusing = bill_refusal(bill);

    set_counts(decision);
    for (size_t i = 0; i < bill->count; i++)
        if (bill->charges[i].refused && bill->charges[i].shadow)
            note_shadow(decision, refusal_of(decision, &bill->charges[i]));
    if (refusing != NULL) {
        struct refusal refusal = refusal_of(decision, refusing);
        refuse(decision, &refusal);
    }
}

static void engine_defer(struct decision *decision)
{
    const struct refusal refusal = {.kind = decision->bill.items[0].kind};

    decision->verdict.kind = VERDICT_DEFER;
    decision->verdict.reason = REASON_STORE;
    if (!decision->event.silent)
        decision_log_refusal(decision, &refusal);
}

static void engine_on_charged_locally(
    struct store_request *request, enum store_status status)
{
    (void)status; /* this process's memory is always there */
    engine_judge(request->context);
}

static void engine_decide_without_store(struct decision *decision)
{
    struct store *store = decision->engine->store;
    struct store_state state;

    decision->engine->metrics.store_unavailable++;
    store_state(store, &state);
    if (!bill_reduce_to_local(
            &decision->bill, decision->config, state.instances)) {
        engine_defer(decision);
    } else if (decision->bill.count > 0) {
        decision->request.count = decision->bill.count;
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

    if (status == STORE_UNAVAILABLE) {
        engine_decide_without_store(decision);
        return;
    }
    if (decision->started_us != 0)
        metrics_round_trip(
            &engine->metrics, clock_monotonic_us() - decision->started_us);
    engine_judge(decision);
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
    decision->started_us =
        store_is_shared(engine->store) ? clock_monotonic_us() : 0;
    store_charge(engine->store, request);
}

void engine_decide(struct engine *engine, struct decision *decision)
{
    decision_begin(engine, decision);
    if (decision->config->judges_peers &&
        !proof_judge(&engine->proof, decision)) {
        decision_end(decision);
        return;
    }
    if (is_exempt(decision)) {
        decision->verdict.reason = REASON_EXEMPT;
        decision_end(decision);
        return;
    }
    if (refuses_per_message(decision)) {
        decision_end(decision);
        return;
    }
    bill_write(&decision->bill, decision->config, &decision->event,
        decision->service_title);
    if (decision->bill.count == 0)
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
