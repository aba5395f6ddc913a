/*
 * metrics_page.c - the Prometheus text of struct metrics.
 *
 * Reads, never counts. Series whose value has always been 0 are left out of
 * the tables of decisions: most combinations cannot happen.
 *
 * Source: Prometheus text exposition format 0.0.4.
 */
#include "common/engine/metrics.h"

#include "config.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <string.h>

static void write_head(
    struct evbuffer *out, const char *name, const char *type, const char *help)
{
    evbuffer_add_printf(
        out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_number(struct evbuffer *out, const char *name,
    const char *type, const char *help, uint64_t value)
{
    write_head(out, name, type, help);
    evbuffer_add_printf(out, "%s %" PRIu64 "\n", name, value);
}

static void write_decisions_of(struct evbuffer *out, const char *face,
    const uint64_t decisions[METRICS_VERDICTS][REASONS])
{
    for (enum verdict_kind kind = 0; kind < METRICS_VERDICTS; kind++)
        for (enum verdict_reason reason = 0; reason < REASONS; reason++)
            if (decisions[kind][reason] > 0)
                evbuffer_add_printf(out,
                    "tollgate_decisions_total{face=\"%s\",result=\"%s\","
                    "reason=\"%s\"} %" PRIu64 "\n",
                    face, verdict_kind_name(kind), verdict_reason_name(reason),
                    decisions[kind][reason]);
}

static void write_decisions(const struct metrics *metrics, struct evbuffer *out)
{
    write_head(out, "tollgate_decisions_total", "counter",
        "Requests decided, by face, result and reason.");
    for (enum face face = 0; face < FACES; face++)
        write_decisions_of(out, face_name(face), metrics->decisions[face]);
    write_decisions_of(out, "gate", metrics->gate_decisions);
}

/* A limit's name holds neither quotes nor backslashes: config sees to it. */
static void write_refusals(const struct metrics *metrics, struct evbuffer *out)
{
    write_head(out, "tollgate_refusals_total", "counter",
        "Refusals, those that a shadow would have made, and holds, by limit.");
    for (size_t i = 0; i < metrics->limit_count; i++) {
        const struct metrics_limit *limit = &metrics->limits[i];
        const struct {
            const char *name;
            uint64_t value;
        } results[] = {{"refuse", limit->refused},
            {"would-refuse", limit->shadowed}, {"hold", limit->held}};
        for (size_t j = 0; j < sizeof results / sizeof results[0]; j++)
            if (results[j].value > 0)
                evbuffer_add_printf(out,
                    "tollgate_refusals_total{face=\"%s\",event=\"%s\","
                    "limit=\"%s\",result=\"%s\"} %" PRIu64 "\n",
                    face_name(limit->face), event_kind_name(limit->kind),
                    limit->name, results[j].name, results[j].value);
    }
}

static void write_bans(const struct metrics *metrics, struct evbuffer *out)
{
    const char *name = "tollgate_limit_bans_total";

    write_head(out, name, "counter",
        "Bans that limits have ordered (on_refusal, escalate), by result.");
    evbuffer_add_printf(out,
        "%s{result=\"made\"} %" PRIu64 "\n%s{result=\"failed\"} %" PRIu64
        "\n%s{result=\"dropped\"} %" PRIu64 "\n",
        name, metrics->bans_made, name, metrics->bans_failed, name,
        metrics->bans_dropped);
}

static void write_proofs(const struct metrics *metrics, struct evbuffer *out)
{
    static const char *const results[PROOF_RESULTS] = {
        [PROOF_TRUSTED] = "trusted",
        [PROOF_UNTRUSTED] = "untrusted",
        [PROOF_UNPROVEN] = "unproven",
        [PROOF_LOCAL] = "local",
        [PROOF_INET] = "inet",
    };

    write_head(out, "tollgate_proofs_total", "counter",
        "Proofs of the true TCP peer, by face and result.");
    for (enum face face = 0; face < FACES; face++)
        for (enum proof_result result = 0; result < PROOF_RESULTS; result++)
            if (metrics->proofs[face][result] > 0)
                evbuffer_add_printf(out,
                    "tollgate_proofs_total{face=\"%s\",result=\"%s\"} "
                    "%" PRIu64 "\n",
                    face_name(face), results[result],
                    metrics->proofs[face][result]);
}

static void write_proof_refusals(
    const struct metrics *metrics, struct evbuffer *out)
{
    write_head(out, "tollgate_proof_refusals_total", "counter",
        "Proofs that the kernel refused, by cause.");
    for (enum peer_cause cause = 0; cause < PEER_CAUSES; cause++)
        if (metrics->proof_refusals[cause] > 0)
            evbuffer_add_printf(out,
                "tollgate_proof_refusals_total{cause=\"%s\"} %" PRIu64 "\n",
                peer_cause_name(cause), metrics->proof_refusals[cause]);
}

static void write_notices(const struct metrics *metrics, struct evbuffer *out)
{
    static const char *const results[NOTICES] = {
        [NOTICES_SENT] = "sent",
        [NOTICES_FAILED] = "failed",
        [NOTICES_DROPPED] = "dropped",
    };

    write_head(out, "tollgate_notifications_total", "counter",
        "Messages to whom notify names, by what came of them.");
    for (enum notices_result result = 0; result < NOTICES; result++)
        evbuffer_add_printf(out,
            "tollgate_notifications_total{result=\"%s\"} %" PRIu64 "\n",
            results[result], metrics->notices[result]);
}

static void write_by_face(struct evbuffer *out, const char *name,
    const char *type, const char *help, const uint64_t values[FACES])
{
    write_head(out, name, type, help);
    for (enum face face = 0; face < FACES; face++)
        evbuffer_add_printf(out, "%s{face=\"%s\"} %" PRIu64 "\n", name,
            face_name(face), values[face]);
}

static void write_round_trips(
    const struct metrics *metrics, struct evbuffer *out)
{
    const char *name = "tollgate_store_round_trip_seconds";
    uint64_t total = 0;

    write_head(
        out, name, "histogram", "Time from a charge to the store's answer.");
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        total += metrics->store_round_trip[i];
        evbuffer_add_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
            metrics_bucket_us[i] / 1e6, total);
    }
    total += metrics->store_round_trip[METRICS_BUCKETS];
    evbuffer_add_printf(out,
        "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64
        "\n",
        name, total, name, (double)metrics->store_round_trip_sum_us / 1e6, name,
        total);
}

static void write_breaker(const struct store_state *store, struct evbuffer *out)
{
    static const char *const states[] = {"closed", "open", "half-open"};

    write_head(out, "tollgate_store_breaker", "gauge",
        "1 for the state that it is in.");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        evbuffer_add_printf(out, "tollgate_store_breaker{state=\"%s\"} %d\n",
            states[i], strcmp(states[i], store->breaker) == 0);
}

static void write_serving(const struct store_state *store, struct evbuffer *out)
{
    write_head(out, "tollgate_instances_serving", "gauge",
        "Of them, those that serve a face and are not draining.");
    for (enum face face = 0; face < FACES; face++)
        evbuffer_add_printf(out,
            "tollgate_instances_serving{face=\"%s\"} %" PRIu32 "\n",
            face_name(face), store->serving[face]);
}

/* No number where it is not known. */
static void write_room(const struct store_room *room, struct evbuffer *out)
{
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"tollgate_store_memory_used_bytes", "gauge",
            "Memory that the store uses.", room->used},
        {"tollgate_store_memory_max_bytes", "gauge",
            "The store's maxmemory; 0: none.", room->max},
        {"tollgate_store_evicted_keys_total", "counter",
            "Keys that the store has evicted.", room->evicted},
    };
    bool is_known = room->trouble != STORE_ROOM_UNKNOWN;

    write_number(out, "tollgate_store_memory_known", "gauge",
        "1 if the store tells how full it is (INFO).", is_known);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_head(out, rows[i].name, rows[i].type, rows[i].help);
        if (is_known)
            evbuffer_add_printf(
                out, "%s %" PRIu64 "\n", rows[i].name, rows[i].value);
    }
}

static void write_store(const struct store_state *store, struct evbuffer *out)
{
    write_number(out, "tollgate_store_available", "gauge",
        "1 while the store answers.", store->is_available ? 1 : 0);
    write_breaker(store, out);
    write_number(out, "tollgate_store_reconnects_total", "counter",
        "Connections to the store made anew.", store->reconnects);
    write_number(out, "tollgate_store_failures_total", "counter",
        "Charges that the store did not answer in time.", store->failures);
    write_number(out, "tollgate_store_counters", "gauge",
        "Counters held in this process.", store->tracked);
    write_number(out, "tollgate_leases", "gauge",
        "Connections that this process holds a place for.", store->leases);
    write_number(out, "tollgate_instances", "gauge",
        "Daemons alive on the store.", store->instances);
    write_serving(store, out);
    write_room(&store->room, out);
}

void metrics_write_page(const struct metrics *metrics,
    const struct store_state *store, const char *config_hash,
    struct evbuffer *out)
{
    write_head(out, "tollgate_build_info", "gauge", "Always 1.");
    evbuffer_add_printf(
        out, "tollgate_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    write_head(out, "tollgate_config_info", "gauge",
        "Always 1; the hash changes with any value.");
    evbuffer_add_printf(
        out, "tollgate_config_info{hash=\"%s\"} 1\n", config_hash);
    write_decisions(metrics, out);
    write_refusals(metrics, out);
    write_bans(metrics, out);
    write_proofs(metrics, out);
    write_proof_refusals(metrics, out);
    write_by_face(out, "tollgate_shadow_refusals_total", "counter",
        "Refusals that shadow limits would have made.",
        metrics->shadow_refusals);
    write_by_face(out, "tollgate_malformed_requests_total", "counter",
        "Requests that broke their protocol: the connection was closed.",
        metrics->malformed);
    write_by_face(out, "tollgate_connections", "gauge",
        "Connections of Postfix's processes.", metrics->connections);
    write_round_trips(metrics, out);
    write_store(store, out);
    write_number(out, "tollgate_store_unavailable_decisions_total", "counter",
        "Decisions made without the store.", metrics->store_unavailable);
    write_number(out, "tollgate_shared_name_decisions_total", "counter",
        "Decisions on names beyond new_keys_per_client, counted together.",
        metrics->shared_counters);
    write_notices(metrics, out);
    write_number(out, "tollgate_listeners_displaced", "gauge",
        "Our sockets that somebody has replaced.", metrics->displaced);
    write_number(out, "tollgate_reloads_total", "counter",
        "Configurations taken over since start.", metrics->reloads);
    write_number(out, "tollgate_reload_failures_total", "counter",
        "Configurations refused since start.", metrics->reload_failures);
}
