/*
 * commands_status.c - status: how this daemon is.
 *
 * From memory only, so it answers while the store is away, too.
 */
#include "common/control/certs_summary.h"
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/base/clock.h"
#include "common/engine/daemon.h"
#include "common/engine/gateway_watch.h"
#include "common/engine/proof_faults.h"

#include "config.h"

#include <unistd.h>

static json_t *config_of(const struct daemon *daemon)
{
    const struct config *config = engine_config(daemon_engine(daemon));

    return json_pack("{s:o, s:s, s:I, s:i}", "file", control_text(config->path),
        "hash", config->hash, "age_s",
        (json_int_t)(daemon_config_age_ms(daemon) / 1000), "warnings",
        (int)config->warning_count);
}

/* null: not shared, or not known. */
static json_t *room_of(const struct store_state *state)
{
    const struct store_room *room = &state->room;
    char warning[STORE_ROOM_TEXT];

    if (room->trouble == STORE_ROOM_UNKNOWN)
        return json_null();
    store_room_describe(room, warning);
    return json_pack("{s:I, s:I, s:I, s:s, s:s}", "used",
        (json_int_t)room->used, "max", (json_int_t)room->max, "evicted",
        (json_int_t)room->evicted, "policy", room->policy, "warning", warning);
}

/* How many daemons feed the limits of each face. */
static json_t *serving_of(const struct store_state *state)
{
    json_t *serving = json_object();

    for (unsigned face = FACE_ANVIL; face < FACES; face++)
        json_object_set_new(serving, face_name((enum face)face),
            json_integer((json_int_t)state->serving[face]));
    return serving;
}

static json_t *store_of(const struct daemon *daemon)
{
    struct store *store = engine_store(daemon_engine(daemon));
    struct store_state state;

    store_state(store, &state);
    return json_pack(
        "{s:o, s:b, s:b, s:s, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "url",
        control_text(state.description), "shared", store_is_shared(store),
        "available", state.is_available, "breaker", state.breaker, "instances",
        (json_int_t)state.instances, "serving", serving_of(&state), "counters",
        (json_int_t)state.tracked, "leases", (json_int_t)state.leases,
        "round_trips", (json_int_t)state.round_trips, "failures",
        (json_int_t)state.failures, "reconnects", (json_int_t)state.reconnects,
        "memory", room_of(&state));
}

static json_t *face_of(const struct metrics *metrics, enum face face)
{
    uint64_t decisions = 0, refused = 0;

    for (size_t kind = 0; kind < METRICS_VERDICTS; kind++)
        for (size_t reason = 0; reason < REASONS; reason++) {
            decisions += metrics->decisions[face][kind][reason];
            if (kind != VERDICT_PASS)
                refused += metrics->decisions[face][kind][reason];
        }
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "connections",
        (json_int_t)metrics->connections[face], "decisions",
        (json_int_t)decisions, "refused", (json_int_t)refused, "shadowed",
        (json_int_t)metrics->shadow_refusals[face], "malformed",
        (json_int_t)metrics->malformed[face]);
}

/* Those of this daemon. */
static json_t *faces_of(const struct control_host *host)
{
    const struct metrics *metrics = engine_metrics(daemon_engine(host->daemon));
    json_t *faces = json_object();

    for (unsigned face = FACE_ANVIL; face < FACES; face++)
        if ((host->faces & 1u << face) != 0)
            json_object_set_new(faces, face_name((enum face)face),
                face_of(metrics, (enum face)face));
    return faces;
}

static json_t *certificates_of(const struct control_host *host)
{
    return host->certs != NULL ? certs_summary_status(host->certs)
                               : json_null();
}

/* null: the kernel has refused none. */
static json_t *proof_of(const struct engine *engine)
{
    const struct proof_faults *faults = engine_proof_faults(engine);
    char text[PEER_CAUSE_TEXT_SIZE];

    if (faults->count == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:b, s:s, s:s}", "refused",
        (json_int_t)faults->count, "last_s",
        (json_int_t)((clock_coarse_ms() - faults->last_ms) / 1000), "total",
        proof_faults_are_total(faults), "cause", peer_cause_name(faults->cause),
        "text", proof_faults_text(faults, text));
}

/* null: no client is a gateway of ours on nearly everything. */
static json_t *gateway_of(const struct engine *engine)
{
    const struct gateway_seen *seen = engine_gateway(engine);

    if (seen == NULL)
        return json_null();
    return json_pack("{s:o, s:s, s:I, s:I, s:I, s:s}", "service",
        control_text(seen->service), "client", seen->client, "hits",
        (json_int_t)seen->share.hits, "of", (json_int_t)seen->share.of,
        "last_s", (json_int_t)((clock_coarse_ms() - seen->last_ms) / 1000),
        "text", gateway_remedy);
}

/* null: it has none. */
static json_t *gates_of(const struct daemon *daemon)
{
    struct daemon_count counts[DAEMON_COUNTS];
    size_t count = daemon_gates(daemon, counts);
    json_t *gates = count > 0 ? json_object() : json_null();

    for (size_t i = 0; i < count; i++)
        json_object_set_new(
            gates, counts[i].word, json_integer((json_int_t)counts[i].count));
    return gates;
}

json_t *describe_status(const struct control_host *host)
{
    const struct daemon *daemon = host->daemon;
    const struct engine *engine = daemon_engine(daemon);

    return json_pack(
        "{s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:s?}",
        "program", daemon_program(daemon), "version", PACKAGE_VERSION, "pid",
        (json_int_t)getpid(), "instance",
        control_text(engine_config(engine)->instance_name), "phase",
        daemon_phase_name(daemon), "uptime_s",
        (json_int_t)(daemon_uptime_ms(daemon) / 1000), "displaced",
        (json_int_t)engine_metrics(daemon_engine(daemon))->displaced, "shadow",
        engine_config(engine)->shadow, "config", config_of(daemon), "store",
        store_of(daemon), "faces", faces_of(host), "certificates",
        certificates_of(host), "proof", proof_of(engine), "gateway",
        gateway_of(engine), "gates", gates_of(daemon), "trouble",
        daemon_trouble(daemon));
}

static void run_status(struct control_call *call, const json_t *arguments)
{
    control_answer(call, describe_status(control_call_host(call)));
}

const struct control_command commands_status[] = {
    {"status", CONTROL_READ, false, {{0}}, run_status,
        "how the daemon is, its store and its faces"},
    {0},
};
