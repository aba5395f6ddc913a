/*
 * decision_log.c - see decision_log.h.
 */
#include "common/engine/decision_log.h"

#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/base/log.h"
#include "common/engine/log_gather.h"
#include "common/net/proxy_header.h"

#include <stdio.h>
#include <string.h>

#define ABOUT_SIZE (LIMIT_KEY_TEXT_SIZE + 512)

static const char *word_of(
    const struct decision *decision, const struct refusal *refusal)
{
    if (refusal->is_shadow)
        return "would-refuse";
    return verdict_word(&decision->verdict);
}

/* Whole seconds, rounded up; -1 (left out) where waiting does not help. */
static int64_t retry_seconds(int64_t retry_ms)
{
    return retry_ms <= 0 ? -1 : (retry_ms + 999) / 1000;
}

bool decision_is_total(
    const struct decision *decision, const struct limit *limit)
{
    for (size_t i = 0; i < decision->bill.count; i++)
        if (decision->bill.items[i].limit == limit &&
            decision->bill.items[i].is_total)
            return true;
    return false;
}

char *decision_key_text(const struct decision *decision,
    const struct limit *limit, char text[LIMIT_KEY_TEXT_SIZE])
{
    static const char message[] = "message";

    if (limit->key == 0)
        return memcpy(text, message, sizeof message);
    uint16_t parts = decision_is_total(decision, limit)
                         ? limit_domain_key(limit->key)
                         : limit->key;
    return limit_key_text(parts, &decision->event, decision->service_title,
        limit->prefixes, text);
}

char *decision_banned_text(
    const struct decision *decision, char text[LIMIT_KEY_TEXT_SIZE])
{
    enum key_part part = decision->verdict.banned_by;
    unsigned key = part == KEY_CLIENT ? 0 : 1u << part;

    return limit_key_text((uint16_t)key, &decision->event,
        decision->service_title, decision->config->prefixes, text);
}

static void record_limit(struct log_record *record,
    const struct decision *decision, const struct refusal *refusal)
{
    const struct limit *limit = refusal->limit;
    char window[DURATION_TEXT_SIZE], key[LIMIT_KEY_TEXT_SIZE];

    log_record_text(record, "limit", limit->name);
    log_record_text(record, "key", decision_key_text(decision, limit, key));
    log_record_number(record, "used", refusal->used);
    log_record_number(record, "allowed", refusal->allowed);
    if (limit->kind == LIMIT_RATE)
        log_record_text(record, "window",
            limit_window_text(limit, refusal->window_ms, window));
}

/* The truth next to the claim, where it is known. */
static void record_peer(struct log_record *record, const struct peer *peer)
{
    char address[ADDRESS_TEXT_SIZE];

    if (peer->state == PEER_NOT_ASKED)
        return;
    if (peer->state == PEER_PROVEN)
        log_record_text(
            record, "peer", address_format(&peer->address, address));
    log_record_number(record, "port", peer->port > 0 ? peer->port : -1);
}

static void record_kind(struct log_record *record, enum event_kind kind)
{
    if (kind < EVENT_KINDS)
        log_record_text(record, "event", event_kind_name(kind));
}

/* What the proxy says of its client besides. */
static void record_header(
    struct log_record *record, const struct proxy_header *header)
{
    if (header == NULL)
        return;
    log_record_text(record, "tls", header->tls_version);
    log_record_text(record, "authority", header->authority);
    log_record_text(record, "unique_id", header->unique_id);
    log_record_text(record, "endpoint", header->endpoint);
}

static void record_who(
    struct log_record *record, const struct decision *decision)
{
    const struct event *event = &decision->event;

    log_record_text(record, "client", event->client_text);
    record_peer(record, &event->peer);
    record_header(record, event->header);
    log_record_text(record, "sasl", event->sasl_username);
    log_record_text(record, "sender", event->sender);
    log_record_text(record, "recipient", event->recipient);
}

static void trace_charge(const struct bill *bill, size_t index)
{
    const struct bill_item *item = &bill->items[index];
    const struct charge *charge = &bill->charges[index];
    char window[DURATION_TEXT_SIZE];
    struct log_record record;

    log_record_begin(&record, LOG_LEVEL_DEBUG, "charge");
    record_kind(&record, item->kind);
    log_record_text(
        &record, "limit", item->limit != NULL ? item->limit->name : "report");
    log_record_text(&record, "subject", charge->subject->text);
    log_record_number(&record, "amount", charge->amount);
    log_record_number(&record, "used", charge->used);
    log_record_number(&record, "allowed", item->n > 0 ? (int64_t)item->n : -1);
    if (charge->kind != CHARGE_LEASE)
        log_record_text(
            &record, "window", duration_format(charge->window_ms, window));
    log_record_number(&record, "retry_after", retry_seconds(charge->retry_ms));
    log_record_text(&record, "outcome", charge->refused ? "refuse" : "pass");
    log_record_end(&record);
}

void decision_log_trace(const struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct verdict *verdict = &decision->verdict;
    struct log_record record;

    if (event->is_dry)
        return;
    for (size_t i = 0; i < decision->bill.count; i++)
        trace_charge(&decision->bill, i);
    log_record_begin(&record, LOG_LEVEL_DEBUG, "trace");
    log_record_text(&record, "face", face_name(event->face));
    log_record_text(&record, "service", decision->service_title);
    record_kind(&record, event_first_kind(event));
    record_who(&record, decision);
    log_record_number(&record, "store_us",
        decision->bill.count > 0 && decision->started_us != 0
            ? (int64_t)(clock_monotonic_us() - decision->started_us)
            : -1);
    log_record_text(&record, "verdict", verdict_word(verdict));
    log_record_text(&record, "reason", verdict_reason_name(verdict->reason));
    log_record_text(&record, "instance", event->instance);
    log_record_end(&record);
}

/* What one line a second is about: the counter, or who was turned away. */
static void write_about(const struct decision *decision,
    const struct refusal *refusal, enum verdict_reason reason,
    char about[ABOUT_SIZE])
{
    const struct event *event = &decision->event;
    char key[LIMIT_KEY_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
    bool has_counter = refusal->limit != NULL && refusal->limit->key != 0;

    int len = snprintf(about, ABOUT_SIZE, "%s %s %d %s %s %s",
        event_asker(event), decision->service_title, (int)refusal->kind,
        word_of(decision, refusal),
        refusal->limit != NULL ? refusal->limit->name
                               : verdict_reason_name(reason),
        has_counter ? decision_key_text(decision, refusal->limit, key)
                    : event->client_text);
    if (!has_counter && len > 0 && len < ABOUT_SIZE &&
        event->peer.state == PEER_PROVEN)
        snprintf(about + len, ABOUT_SIZE - (size_t)len, " %s",
            address_format(&event->peer.address, peer));
}

void decision_log_refusal(
    const struct decision *decision, const struct refusal *refusal)
{
    const struct event *event = &decision->event;
    enum verdict_reason reason =
        refusal->limit != NULL ? REASON_LIMIT : refusal->reason;
    struct log_gather *gather = engine_log_gather(decision->engine);
    char key[LIMIT_KEY_TEXT_SIZE], about[ABOUT_SIZE];
    struct log_record record;

    if (event->is_dry || !log_is_wanted(LOG_LEVEL_INFO))
        return;
    if (gather != NULL) {
        write_about(decision, refusal, reason, about);
        if (!log_gather_begin(gather, about))
            return;
    }
    log_record_begin(&record, LOG_LEVEL_INFO, "decision");
    log_record_text(&record, "face", event_asker(event));
    log_record_text(&record, "service", decision->service_title);
    record_kind(&record, refusal->kind);
    record_who(&record, decision);
    if (refusal->limit != NULL)
        record_limit(&record, decision, refusal);
    else if (reason == REASON_BANNED)
        log_record_text(&record, "key", decision_banned_text(decision, key));
    log_record_number(&record, "retry_after", retry_seconds(refusal->retry_ms));
    log_record_text(&record, "verdict", word_of(decision, refusal));
    log_record_text(&record, "reason", verdict_reason_name(reason));
    log_record_text(&record, "instance", event->instance);
    log_gather_end(gather, &record);
}
