/*
 * engine.c - the engine's parts, and who may look at them. The decision itself
 * is in engine_decide.c.
 */
#include "common/engine/engine_private.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/decision_ring.h"
#include "common/engine/newcomers.h"
#include "common/engine/penalties.h"
#include "common/engine/postfix_limits.h"
#include "common/engine/tops.h"
#include "common/engine/usages.h"

#include <stdlib.h>

/* Only for who has a limit that asks for it. */
static void follow_newcomers(struct engine *engine)
{
    const struct config *config = engine->config;

    for (size_t i = 0; i < config->limit_count; i++)
        if (engine->newcomers == NULL && config->new_keys_per_client > 0 &&
            newcomers_can_invent(config->limits[i].key))
            engine->newcomers = newcomers_new();
}

static bool has_penalty(const struct limit *limit)
{
    return !limit->shadow &&
           (limit->penalty.ban_ms > 0 || limit->penalty.after > 0);
}

static void follow_penalties(struct engine *engine)
{
    const struct config *config = engine->config;

    for (size_t i = 0; i < config->limit_count; i++)
        if (engine->penalties == NULL && has_penalty(&config->limits[i]))
            engine->penalties = penalties_new(engine);
}

static void follow_usages(struct engine *engine)
{
    if (engine->usages != NULL)
        usages_follow(engine->usages);
    else if (engine->config->reports)
        engine->usages = usages_new(engine->store, clock_wall_ms());
}

void engine_penalize(
    const struct decision *decision, const struct refusal *refusal)
{
    if (has_penalty(refusal->limit))
        penalties_note(decision->engine->penalties, decision, refusal);
}

struct engine *engine_new(struct store *store, struct config *config)
{
    struct engine *engine = xcalloc(1, sizeof *engine);

    engine->store = store;
    engine->config = config_ref(config);
    engine->tops = tops_new();
    engine->ring = decision_ring_new();
    proof_follow(&engine->proof, config);
    gateway_watch_follow(&engine->gateways, config);
    follow_newcomers(engine);
    follow_penalties(engine);
    follow_usages(engine);
    return engine;
}

void engine_free(struct engine **engine)
{
    if (*engine == NULL)
        return;
    tops_free(&(*engine)->tops);
    decision_ring_free(&(*engine)->ring);
    newcomers_free(&(*engine)->newcomers);
    penalties_free(&(*engine)->penalties);
    usages_free(&(*engine)->usages);
    proof_clear(&(*engine)->proof);
    gateway_watch_clear(&(*engine)->gateways);
    config_unref(&(*engine)->config);
    free(*engine);
    *engine = NULL;
}

void engine_reload(struct engine *engine, struct config *config)
{
    config_unref(&engine->config);
    engine->config = config_ref(config);
    proof_follow(&engine->proof, config);
    gateway_watch_follow(&engine->gateways, config);
    follow_newcomers(engine);
    follow_penalties(engine);
    follow_usages(engine);
}

void engine_use_postfix_limits(
    struct engine *engine, const struct postfix_limits *limits)
{
    engine->postfix_limits = limits;
}

uint32_t engine_postfix_limit(
    const struct engine *engine, const char *service, enum event_kind kind)
{
    return postfix_limits_of(engine->postfix_limits, service, kind);
}

void engine_use_notices(struct engine *engine, struct notices *notices)
{
    engine->notices = notices;
}

struct notices *engine_notices(const struct engine *engine)
{
    return engine->notices;
}

void engine_use_log_gather(struct engine *engine, struct log_gather *gather)
{
    engine->log_gather = gather;
}

struct log_gather *engine_log_gather(const struct engine *engine)
{
    return engine->config->log_refusals == LOG_REFUSALS_GATHERED
               ? engine->log_gather
               : NULL;
}

void engine_use_trust(struct engine *engine, struct trust *trust)
{
    engine->proof.trust = trust;
    proof_follow(&engine->proof, engine->config);
}

bool engine_judges_peers(const struct engine *engine)
{
    return engine->config->judges_peers ||
           edict_table_count(store_edicts(engine->store), EDICT_BAN) > 0;
}

struct trust *engine_trust(const struct engine *engine)
{
    return engine->proof.trust;
}

/* A service that is known by its name not to want proof is not looked at. */
void engine_prove(struct engine *engine, int fd, struct event *event)
{
    const struct config_service *service;

    event->peer = (struct peer){.state = PEER_NOT_ASKED};
    if (!engine->config->wants_proof)
        return;
    service = config_find_service(engine->config, event->service, 0);
    if (service == NULL || service->proof != SERVICE_PROOF_OFF)
        peer_prove(&engine->proof.prover, fd, &event->peer);
}

bool engine_refuses_peer(const struct engine *engine, const struct peer *peer)
{
    return proof_refuses(&engine->proof, engine->config, peer);
}

const struct peer_ports *engine_ports(const struct engine *engine)
{
    return &engine->proof.prover.services;
}

struct config *engine_config(const struct engine *engine)
{
    return engine->config;
}

struct store *engine_store(const struct engine *engine)
{
    return engine->store;
}

const struct peers *engine_peers(const struct engine *engine)
{
    return engine->proof.peers;
}

const struct proof_faults *engine_proof_faults(const struct engine *engine)
{
    return &engine->proof.faults;
}

const struct gateway_seen *engine_gateway(const struct engine *engine)
{
    const struct gateway_seen *seen = &engine->gateways.seen;

    return seen->share.of > 0 ? seen : NULL;
}

struct tops *engine_tops(struct engine *engine)
{
    return engine->tops;
}

struct usages *engine_usages(struct engine *engine)
{
    return engine->usages;
}

struct decision_ring *engine_ring(struct engine *engine)
{
    return engine->ring;
}

struct metrics *engine_metrics(struct engine *engine)
{
    return &engine->metrics;
}
