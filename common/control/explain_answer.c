/*
 * explain_answer.c - see explain_answer.h.
 *
 * The reason of the verdict says where the way ended: what comes before has
 * passed, what comes after was not reached.
 */
#include "common/control/explain_answer.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/control/control_command.h"
#include "common/engine/ban.h"

#include <inttypes.h>
#include <stdlib.h>

enum stage { STAGE_PROOF, STAGE_CLAIM, STAGE_BAN, STAGE_EXEMPTION, STAGE_END };

static bool is_proxied(const struct decision *decision)
{
    return decision->service != NULL && decision->service->proxied;
}

/* Where it ended. */
static enum stage last_stage(const struct decision *decision)
{
    switch (decision->verdict.reason) {
    case REASON_UNTRUSTED:
    case REASON_UNPROVEN:
        return STAGE_PROOF;
    case REASON_IMPOSSIBLE:
    case REASON_FRONTENDS:
    case REASON_UNPROXIED:
        return STAGE_CLAIM;
    case REASON_BANNED:
        return decision->verdict.is_held ? STAGE_END : STAGE_BAN;
    default:
        return STAGE_END;
    }
}

static void add(
    json_t *checks, const char *check, const char *outcome, const char *text)
{
    json_array_append_new(
        checks, json_pack("{s:s, s:s, s:o}", "check", check, "outcome", outcome,
                    "text", control_text(text)));
}

/* How the stage at which it ended is called. */
static const char *end_outcome(const struct decision *decision)
{
    return decision->verdict.kind == VERDICT_PASS ? "ends" : "refused";
}

static void add_proof(const struct decision *decision, json_t *checks)
{
    const struct peer *peer = &decision->event.peer;

    if (last_stage(decision) == STAGE_PROOF)
        add(checks, "proof", "refused",
            decision->verdict.reason == REASON_UNTRUSTED
                ? "the peer is no trusted proxy of the service"
                : "the peer is not proven, and has to be");
    else if (!is_proxied(decision))
        add(checks, "proof", "skipped", "the service is not proxied");
    else if (decision->service->proof == SERVICE_PROOF_OFF)
        add(checks, "proof", "skipped", "proof = off");
    else if (decision->event.face == FACE_MILTER)
        add(checks, "proof", "skipped",
            "made when smtpd connects, not for each question");
    else if (peer->state == PEER_ASSUMED)
        add(checks, "proof", "assumed",
            "that the peer is a trusted proxy; or give peer=ADDRESS");
    else
        add(checks, "proof", "passed",
            peer->state == PEER_PROVEN ? "the peer is a trusted proxy"
                                       : "the peer is not proven, which is "
                                         "optional");
}

static const char *claim_text(const struct decision *decision)
{
    if (decision->event.is_exempt)
        return "in exempt_clients";
    switch (decision->verdict.reason) {
    case REASON_IMPOSSIBLE:
        return "impossible_clients: no proxied client comes from there";
    case REASON_FRONTENDS:
        return "the destination is none of frontends";
    case REASON_UNPROXIED:
        return "the client is the proxy itself";
    default:
        return decision->event.is_unproxied
                   ? "the client is the proxy itself: counted as unproxied"
                   : "a client like any other";
    }
}

static void add_claim(const struct decision *decision, json_t *checks)
{
    enum stage last = last_stage(decision);

    if (last < STAGE_CLAIM)
        add(checks, "claim", "not-reached", "");
    else if (!is_proxied(decision))
        add(checks, "claim", "skipped", "the service is not proxied");
    else
        add(checks, "claim",
            last == STAGE_CLAIM ? end_outcome(decision) : "passed",
            claim_text(decision));
}

static void add_found_ban(
    const struct decision *decision, const struct edict *ban, json_t *checks)
{
    const char *outcome = "refused";
    uint64_t now_ms = clock_monotonic_ms();
    char *text = xprintf("%s, for %" PRIu64 " s more, by %s%s%s%s%s", ban->key,
        ban->until_ms > now_ms ? (ban->until_ms - now_ms + 999) / 1000 : 0,
        ban->who, ban->reason[0] != '\0' ? ": " : "", ban->reason,
        ban->action[0] != '\0' ? "; action: " : "", ban->action);

    if (ban->part == KEY_CLIENT &&
        ban_is_void(
            decision->engine, decision->config, &decision->event.client)) {
        free(text);
        text = xprintf("%s is not obeyed: it is infrastructure", ban->key);
        outcome = "passed";
    } else if (decision->config->shadow) {
        outcome = "would-refuse";
    } else if (ban->part != KEY_CLIENT &&
               verdict_action_holds(ban_action_of(decision->config, ban))) {
        outcome = "holds";
    }
    add(checks, "ban", outcome, text);
    free(text);
}

/* The one that decides; of none such one that is not obeyed. */
static const struct edict *ban_to_explain(const struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct edict *net = ban_of(decision->engine, &event->client);
    const struct edict *name =
        ban_of_name(decision->engine, decision->config, event);
    bool is_void =
        net == NULL || event->is_unproxied ||
        ban_is_void(decision->engine, decision->config, &event->client);

    return is_void && name != NULL ? name : net;
}

static void add_ban(const struct decision *decision, json_t *checks)
{
    const struct edict *ban = ban_to_explain(decision);

    if (last_stage(decision) < STAGE_BAN)
        add(checks, "ban", "not-reached", "");
    else if (ban == NULL)
        add(checks, "ban", "passed", "not banned");
    else
        add_found_ban(decision, ban, checks);
}

static void add_exemption(const struct decision *decision, json_t *checks)
{
    if (last_stage(decision) < STAGE_EXEMPTION)
        add(checks, "exemption", "not-reached", "");
    else if (decision->event.is_exempt)
        add(checks, "exemption", "exempt",
            "in exempt_clients: limits by client do not apply");
    else
        add(checks, "exemption", "passed",
            is_proxied(decision) ? "see claim" : "not in exempt_clients");
}

static const struct bill_item *item_of(
    const struct decision *decision, const struct limit *limit)
{
    for (size_t i = 0; i < decision->bill.count; i++)
        if (decision->bill.items[i].limit == limit)
            return &decision->bill.items[i];
    return NULL;
}

static void set_used(
    json_t *line, const struct decision *decision, const struct bill_item *item)
{
    const struct charge *charge =
        &decision->bill.charges[item - decision->bill.items];
    char window[DURATION_TEXT_SIZE] = "";

    if (charge->kind != CHARGE_LEASE)
        item->limit != NULL
            ? limit_window_text(item->limit, charge->window_ms, window)
            : duration_format(charge->window_ms, window);
    json_object_set_new(line, "key", control_text(charge->subject->text));
    json_object_set_new(line, "used", json_integer((json_int_t)charge->used));
    json_object_set_new(line, "allowed",
        item->n > 0 || item->blocked_until_ms > 0
            ? json_integer((json_int_t)item->n)
            : json_null());
    json_object_set_new(line, "window", json_string(window));
    json_object_set_new(line, "overridden", json_boolean(item->is_overridden));
    if (charge->refused)
        json_object_set_new(
            line, "retry_after_ms", json_integer((json_int_t)charge->retry_ms));
}

/* Another limit's override let nothing through. */
static bool was_not_charged(const struct decision *decision)
{
    const struct limit *limit = decision->verdict.limit;
    const struct bill_item *item =
        limit != NULL ? item_of(decision, limit) : NULL;

    return item != NULL && item->blocked_until_ms > 0;
}

static const char *refused_word(const struct limit *limit)
{
    if (limit == NULL || limit->shadow)
        return "would-refuse";
    return limit->holds ? "holds" : "refused";
}

static const char *item_outcome(
    const struct decision *decision, const struct bill_item *item)
{
    const struct charge *charge =
        &decision->bill.charges[item - decision->bill.items];

    if (item->blocked_until_ms > 0)
        return refused_word(item->limit);
    if (decision->verdict.kind == VERDICT_DEFER || was_not_charged(decision))
        return "not-reached";
    if (!charge->refused)
        return "passed";
    return refused_word(item->limit);
}

static json_t *limit_line(const char *name, const char *outcome)
{
    return json_pack(
        "{s:o, s:s}", "limit", control_text(name), "outcome", outcome);
}

static json_t *describe_per_message(
    const struct decision *decision, const struct limit *limit)
{
    const struct event *event = &decision->event;
    uint32_t n =
        bill_per_message(limit, store_edicts(engine_store(decision->engine)),
            event, decision->service_title);
    bool refuses = n > 0 && event->message_recipients > n;
    const char *outcome = "passed";

    if (refuses)
        outcome = refused_word(limit);
    json_t *line = limit_line(limit->name, outcome);
    json_object_set_new(line, "used",
        json_integer((json_int_t)event->message_recipients -
                     (json_int_t)event->amount[EVENT_RECIPIENT]));
    json_object_set_new(
        line, "allowed", n > 0 ? json_integer((json_int_t)n) : json_null());
    json_object_set_new(line, "window", json_string("one message"));
    return line;
}

static json_t *describe_skipped(
    const struct decision *decision, const struct limit *limit)
{
    json_t *line = limit_line(limit->name, "skipped");

    json_object_set_new(line, "exempt",
        json_boolean(decision->event.is_exempt && limit_spares(limit)));
    return line;
}

static json_t *describe_limit(
    const struct decision *decision, const struct limit *limit)
{
    const struct bill_item *item = item_of(decision, limit);

    if (last_stage(decision) < STAGE_END)
        return limit_line(limit->name, "not-reached");
    if (!limit_applies(limit, &decision->event, decision->service_title))
        return describe_skipped(decision, limit);
    if (limit->kind == LIMIT_PER_MESSAGE)
        return describe_per_message(decision, limit);
    if (item == NULL)
        return limit_line(limit->name, "not-reached");
    json_t *line = limit_line(limit->name, item_outcome(decision, item));
    set_used(line, decision, item);
    return line;
}

/* Of what is only reported: smtpd's own limit, if it has one that is known. */
static void set_postfix_limit(
    json_t *line, const struct decision *decision, enum event_kind kind)
{
    uint32_t n =
        engine_postfix_limit(decision->engine, decision->event.service, kind);

    if (n > 0)
        json_object_set_new(line, "postfix_limit", json_integer(n));
}

static json_t *describe_limits(const struct decision *decision)
{
    const struct event *event = &decision->event;
    enum event_kind kind = event_first_kind(event);
    const struct config_feed *feed =
        &decision->config->feeds[event->face][kind];
    json_t *limits = json_array();

    for (size_t i = 0; i < feed->count; i++)
        json_array_append_new(
            limits, describe_limit(decision, feed->limits[i]));
    for (size_t i = 0; i < decision->bill.count; i++) {
        const struct bill_item *item = &decision->bill.items[i];
        if (item->limit != NULL)
            continue;
        json_t *line = limit_line("", "passed");
        set_used(line, decision, item);
        set_postfix_limit(line, decision, item->kind);
        json_array_append_new(limits, line);
    }
    return limits;
}

static const char *describe_reply(
    const struct decision *decision, char text[VERDICT_ACTION_SIZE])
{
    if (decision->event.face != FACE_ANVIL)
        return verdict_action(&decision->verdict, &decision->event, text);
    return decision->verdict.kind == VERDICT_PASS
               ? "what is counted, for Postfix to compare"
               : "2147483647, which is above every limit of Postfix";
}

json_t *explain_answer(const struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct verdict *verdict = &decision->verdict;
    char reply[VERDICT_ACTION_SIZE];
    json_t *checks = json_array();

    add_proof(decision, checks);
    add_claim(decision, checks);
    add_ban(decision, checks);
    add_exemption(decision, checks);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:o}", "face",
        face_name(event->face), "event",
        event_kind_name(event_first_kind(event)), "service",
        control_text(decision->service_title), "checks", checks, "limits",
        describe_limits(decision), "verdict", verdict_word(verdict), "reason",
        verdict_reason_name(verdict->reason), "reply",
        control_text(describe_reply(decision, reply)));
}
