/*
 * bill.c - see bill.h.
 *
 * Knows limits and charges, not the store and not the faces. Nothing here
 * fails: what does not apply is not on the bill.
 */
#include "common/engine/bill.h"

#define REPORT_KEY (1u << KEY_SERVICE | 1u << KEY_CLIENT)

/* A report keeps the client as Postfix gave it: main.cf's own prefix lengths
 * decide there. */
static const struct limit_prefixes report_prefixes = {32, 128};

static const struct subject *bill_subject(struct bill *bill,
    const struct config *config, const struct event *event,
    const char *service_title, uint16_t key, bool is_report)
{
    for (size_t i = 0; i < bill->subject_count; i++)
        if (bill->subject_keys[i].key == key &&
            bill->subject_keys[i].is_report == is_report)
            return &bill->subjects[i];

    size_t at = bill->subject_count++;
    bill->subject_keys[at].key = key;
    bill->subject_keys[at].is_report = is_report;
    limit_subject(key, event, service_title,
        is_report ? report_prefixes : config->prefixes, &bill->subjects[at]);
    return &bill->subjects[at];
}

static struct charge *bill_add(
    struct bill *bill, const struct limit *limit, enum event_kind kind)
{
    size_t at = bill->count++;
    bill->items[at] = (struct bill_item){.limit = limit, .kind = kind};
    return &bill->charges[at];
}

static enum charge_kind charge_kind_of(const struct limit *limit)
{
    if (limit->kind == LIMIT_COUNT)
        return CHARGE_LEASE;
    return limit->window == LIMIT_WINDOW_FIXED ? CHARGE_FIXED : CHARGE_SLIDING;
}

static void bill_add_limit(struct bill *bill, const struct config *config,
    const struct event *event, const char *service_title,
    const struct limit *limit, enum event_kind kind)
{
    *bill_add(bill, limit, kind) = (struct charge){
        .kind = charge_kind_of(limit),
        .subject =
            bill_subject(bill, config, event, service_title, limit->key, false),
        .name = limit->store_name,
        .field = limit->field,
        .shadow = limit->shadow,
        .limit = limit->n,
        .amount = event->amount[kind],
        .window_ms = limit->window_ms,
    };
}

/* The kinds that anvil(8) counts; the others have nobody to report to. */
static bool is_reported(enum face face, enum event_kind kind)
{
    return face == FACE_ANVIL && event_can_feed(FACE_ANVIL, kind);
}

/* Counters of their own where another face feeds the client_* limits: both are
 * told of the same connection, and it must not count twice. */
static const char *report_name(const struct config *config, bool is_lease)
{
    if (config->client.at == 0 || config->client.at == 1 + FACE_ANVIL)
        return is_lease ? "c" : "f";
    return is_lease ? "C" : "F";
}

static void bill_add_report(struct bill *bill, const struct config *config,
    const struct event *event, const char *service_title, enum event_kind kind)
{
    bool is_lease = kind == EVENT_CONNECTION_COUNT;

    *bill_add(bill, NULL, kind) = (struct charge){
        .kind = is_lease ? CHARGE_LEASE : CHARGE_FIXED,
        .subject =
            bill_subject(bill, config, event, service_title, REPORT_KEY, true),
        .name = report_name(config, is_lease),
        .field = (uint8_t)kind,
        .amount = event->amount[kind],
        .window_ms = config->rate_time_unit_ms,
    };
}

static void bill_write_kind(struct bill *bill, const struct config *config,
    const struct event *event, const char *service_title, enum event_kind kind)
{
    const struct config_feed *feed = &config->feeds[event->face][kind];
    bool has_client_limit = false;

    for (size_t i = 0; i < feed->count; i++) {
        const struct limit *limit = feed->limits[i];
        if (limit->kind == LIMIT_PER_MESSAGE ||
            bill->count == STORE_CHARGES_MAX ||
            !limit_applies(limit, event, service_title))
            continue;
        bill_add_limit(bill, config, event, service_title, limit, kind);
        has_client_limit |= limit->is_client;
    }
    if (!has_client_limit && is_reported(event->face, kind) &&
        bill->count < STORE_CHARGES_MAX)
        bill_add_report(bill, config, event, service_title, kind);
}

void bill_write(struct bill *bill, const struct config *config,
    const struct event *event, const char *service_title)
{
    bill->count = 0;
    bill->subject_count = 0;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        if (event->amount[kind] > 0)
            bill_write_kind(bill, config, event, service_title, kind);
}

static enum store_failure failure_mode(
    const struct bill_item *item, const struct config *config)
{
    return item->limit != NULL ? item->limit->on_store_failure
                               : config->on_store_failure;
}

static bool bill_defers(const struct bill *bill, const struct config *config)
{
    for (size_t i = 0; i < bill->count; i++)
        if (!bill->charges[i].shadow &&
            failure_mode(&bill->items[i], config) == STORE_FAILURE_DEFER)
            return true;
    return false;
}

/* A report has no limit to divide: it stays 0. */
static uint32_t share_of(uint32_t limit, uint32_t instances)
{
    if (limit == 0 || instances <= 1)
        return limit;
    return limit / instances > 0 ? limit / instances : 1;
}

bool bill_reduce_to_local(
    struct bill *bill, const struct config *config, uint32_t instances)
{
    if (bill_defers(bill, config))
        return false;

    size_t kept = 0;
    for (size_t i = 0; i < bill->count; i++) {
        if (failure_mode(&bill->items[i], config) != STORE_FAILURE_LOCAL)
            continue;
        bill->charges[kept] = bill->charges[i];
        bill->charges[kept].limit = share_of(bill->charges[i].limit, instances);
        bill->items[kept++] = bill->items[i];
    }
    bill->count = kept;
    return true;
}

static int64_t refusal_length(const struct charge *charge)
{
    return charge->retry_ms == CHARGE_NEVER ? INT64_MAX : charge->retry_ms;
}

const struct charge *bill_refusal(const struct bill *bill)
{
    const struct charge *longest = NULL;

    for (size_t i = 0; i < bill->count; i++) {
        const struct charge *charge = &bill->charges[i];
        if (!charge->refused || charge->shadow)
            continue;
        if (longest == NULL || refusal_length(charge) > refusal_length(longest))
            longest = charge;
    }
    return longest;
}

const struct bill_item *bill_item_of(
    const struct bill *bill, const struct charge *charge)
{
    return &bill->items[charge - bill->charges];
}
