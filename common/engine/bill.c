/*
 * bill.c - see bill.h.
 *
 * Knows limits and charges, not the store and not the faces. Nothing here
 * fails: what does not apply is not on the bill.
 */
#include "common/engine/bill.h"

#include "common/base/clock.h"
#include "common/core/distinct.h"
#include "common/engine/newcomers.h"

#define REPORT_KEY (1u << KEY_SERVICE | 1u << KEY_CLIENT)

/* A report keeps the client as Postfix gave it: main.cf's own prefix lengths
 * decide there. */
static const struct limit_prefixes report_prefixes = {.ipv4 = 32, .ipv6 = 128};

static const struct subject *bill_subject(struct bill *bill,
    const struct event *event, const char *service_title, uint16_t key,
    struct limit_prefixes prefixes)
{
    for (size_t i = 0; i < bill->subject_count; i++)
        if (bill->subject_keys[i].key == key &&
            bill->subject_keys[i].ipv4 == prefixes.ipv4 &&
            bill->subject_keys[i].ipv6 == prefixes.ipv6)
            return &bill->subjects[i];

    size_t at = bill->subject_count++;
    bill->subject_keys[at].key = key;
    bill->subject_keys[at].ipv4 = prefixes.ipv4;
    bill->subject_keys[at].ipv6 = prefixes.ipv6;
    limit_subject(key, event, service_title, prefixes, &bill->subjects[at]);
    return &bill->subjects[at];
}

static struct charge *bill_add(
    struct bill *bill, const struct limit *limit, enum event_kind kind)
{
    size_t at = bill->count++;
    bill->items[at] = (struct bill_item){.limit = limit, .kind = kind};
    return &bill->charges[at];
}

static const struct edict *override_of(const struct edict_table *edicts,
    const struct limit *limit, const struct subject *subject)
{
    if (edict_table_count(edicts, EDICT_OVERRIDE) == 0)
        return NULL;
    return edict_table_override(
        edicts, limit->name, subject->text, clock_coarse_ms());
}

uint32_t bill_per_message(const struct limit *limit,
    const struct edict_table *edicts, const struct event *event,
    const char *service_title)
{
    struct subject subject;
    const struct edict *override;

    if (edict_table_count(edicts, EDICT_OVERRIDE) == 0)
        return limit->n;
    limit_subject(limit->key, event, service_title, limit->prefixes, &subject);
    override = override_of(edicts, limit, &subject);
    return override != NULL ? override->n : limit->n;
}

/* What is counted goes on being counted, also where nothing is refused. */
const struct edict *bill_override_charge(const struct edict_table *edicts,
    const struct limit *limit, struct charge *charge, struct subject *total_r,
    uint32_t *n_r)
{
    struct subject domain;
    const struct edict *override = override_of(edicts, limit, charge->subject);

    *n_r = limit->n;
    if (override == NULL)
        return NULL;
    *n_r = charge->limit = override->n;
    if (override->n == 0 && (charge->kind == CHARGE_SLIDING ||
                                charge_kind_is_distinct(charge->kind)))
        charge->limit = BILL_NO_LIMIT;
    if (override->window_ms > 0 && charge->kind != CHARGE_LEASE &&
        limit->calendar == NULL)
        charge->window_ms = override->window_ms;
    if (override->is_total &&
        edict_subject_of_domain(charge->subject->text, &domain)) {
        *total_r = domain;
        charge->subject = total_r;
    }
    return override;
}

static enum charge_kind charge_kind_of(const struct limit *limit)
{
    if (limit->kind == LIMIT_COUNT)
        return CHARGE_LEASE;
    if (limit->distinct != 0)
        return limit->window == LIMIT_WINDOW_FIXED ? CHARGE_DISTINCT_FIXED
                                                   : CHARGE_DISTINCT;
    return limit->window == LIMIT_WINDOW_FIXED ? CHARGE_FIXED : CHARGE_SLIDING;
}

struct charge bill_limit_charge(const struct limit *limit)
{
    return (struct charge){
        .kind = charge_kind_of(limit),
        .name = limit->calendar == NULL
                    ? limit->store_name
                    : calendar_name(limit->calendar, clock_wall_s()),
        .field = limit->field,
        .shadow = limit->shadow,
        .limit = limit->n,
        .value = DISTINCT_NONE,
        .window_ms = limit->window_ms +
                     (limit->calendar == NULL ? 0 : CALENDAR_SPARE_MS),
    };
}

static void bill_add_limit(struct bill *bill, const struct edict_table *edicts,
    const struct event *event, const char *service_title,
    const struct limit *limit, enum event_kind kind)
{
    struct charge *charge = bill_add(bill, limit, kind);
    struct bill_item *item = &bill->items[charge - bill->charges];

    *charge = bill_limit_charge(limit);
    charge->shadow |= limit->holds;
    charge->subject =
        bill_subject(bill, event, service_title, limit->key, limit->prefixes);
    charge->amount = event->amount[kind];
    if (limit->distinct != 0) {
        charge->amount = 1;
        charge->value = limit_value(limit, event);
    }
    const struct edict *override = bill_override_charge(
        edicts, limit, charge, &bill->totals[charge - bill->charges], &item->n);
    item->is_overridden = override != NULL;
    item->is_total = override != NULL && override->is_total;
    if (override != NULL && override->is_blocked) {
        item->blocked_until_ms = override->until_ms;
        bill->is_blocked = true;
    }
    item->window_ms =
        limit->calendar == NULL ? charge->window_ms : limit->window_ms;
}

void bill_settle_calendars(struct bill *bill)
{
    int64_t now_ms = (int64_t)clock_wall_ms();
    for (size_t i = 0; i < bill->count; i++) {
        const struct limit *limit = bill->items[i].limit;
        struct charge *charge = &bill->charges[i];
        if (limit != NULL && limit->calendar != NULL && charge->retry_ms > 0)
            charge->retry_ms = calendar_left_ms(limit->calendar, now_ms);
    }
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

struct charge bill_report_charge(
    const struct config *config, enum event_kind kind)
{
    bool is_lease = kind == EVENT_CONNECTION_COUNT;

    return (struct charge){
        .kind = is_lease ? CHARGE_LEASE : CHARGE_FIXED,
        .name = report_name(config, is_lease),
        .field = (uint8_t)kind,
        .window_ms = config->rate_time_unit_ms,
    };
}

void bill_report_subject(const struct event *event, const char *service_title,
    struct subject *subject)
{
    limit_subject(REPORT_KEY, event, service_title, report_prefixes, subject);
}

static void bill_add_report(struct bill *bill, const struct config *config,
    const struct event *event, const char *service_title, enum event_kind kind)
{
    struct charge *charge = bill_add(bill, NULL, kind);

    *charge = bill_report_charge(config, kind);
    charge->subject =
        bill_subject(bill, event, service_title, REPORT_KEY, report_prefixes);
    charge->amount = event->amount[kind];
}

static void bill_write_kind(struct bill *bill, const struct edict_table *edicts,
    const struct config *config, const struct event *event,
    const char *service_title, enum face face, enum event_kind kind)
{
    const struct config_feed *feed = &config->feeds[face][kind];
    bool has_client_limit = false;

    for (size_t i = 0; i < feed->count; i++) {
        const struct limit *limit = feed->limits[i];
        if (limit->kind == LIMIT_PER_MESSAGE ||
            bill->count == STORE_CHARGES_MAX ||
            !limit_applies(limit, event, service_title))
            continue;
        bill_add_limit(bill, edicts, event, service_title, limit, kind);
        has_client_limit |= limit->is_client;
    }
    if (!has_client_limit && !event->is_exempt && !event->is_gate &&
        is_reported(face, kind) && bill->count < STORE_CHARGES_MAX)
        bill_add_report(bill, config, event, service_title, kind);
}

static void bill_write_face(struct bill *bill, const struct edict_table *edicts,
    const struct config *config, const struct event *event,
    const char *service_title, enum face face)
{
    for (enum event_kind kind = 0; kind < EVENT_DISTINCT_FIRST; kind++)
        if (event->amount[kind] > 0)
            bill_write_kind(
                bill, edicts, config, event, service_title, face, kind);
}

/* What is different comes with an event that is on the bill already; where it
 * is made up, each is asked about by itself. */
static void bill_write_distinct(struct bill *bill,
    const struct edict_table *edicts, const struct config *config,
    const struct event *event, const char *service_title)
{
    for (enum event_kind kind = EVENT_DISTINCT_FIRST; kind < EVENT_KINDS;
         kind++)
        if (event->amount[event->is_dry ? kind : event_kind_cause(kind)] > 0)
            bill_write_kind(
                bill, edicts, config, event, service_title, event->face, kind);
}

/* A gate looks at the limits of every face that sees connections. */
void bill_write(struct bill *bill, const struct edict_table *edicts,
    const struct config *config, const struct event *event,
    const char *service_title)
{
    bill->count = 0;
    bill->known = 0;
    bill->is_blocked = false;
    bill->subject_count = 0;
    bill_write_face(bill, edicts, config, event, service_title, event->face);
    if (config->counts_distinct)
        bill_write_distinct(bill, edicts, config, event, service_title);
    if (event->is_gate)
        bill_write_face(
            bill, edicts, config, event, service_title, FACE_MILTER);
}

static enum store_failure failure_mode(
    const struct bill_item *item, const struct config *config)
{
    return item->limit != NULL ? item->limit->on_store_failure
                               : config->on_store_failure;
}

void bill_keep_known(struct bill *bill)
{
    bill->known = 0;
    for (size_t i = 0; i < bill->count; i++) {
        struct charge charge = bill->charges[i];
        struct bill_item item = bill->items[i];
        if (charge.is_unknown)
            continue;
        bill->charges[i] = bill->charges[bill->known];
        bill->items[i] = bill->items[bill->known];
        bill->charges[bill->known] = charge;
        bill->items[bill->known++] = item;
    }
}

bool bill_holds(const struct limit *limit)
{
    return limit != NULL && limit->holds && !limit->shadow;
}

static bool bill_defers(const struct bill *bill, const struct config *config)
{
    for (size_t i = bill->known; i < bill->count; i++)
        if ((!bill->charges[i].shadow || bill_holds(bill->items[i].limit)) &&
            failure_mode(&bill->items[i], config) == STORE_FAILURE_DEFER)
            return true;
    return false;
}

/* Of the limit or its override. A report has none to divide, nor has what an
 * override lets pass. Nor are different values divided: two daemons that see a
 * login see the same. */
static uint32_t share_of(const struct bill_item *item,
    const struct charge *charge, const uint32_t serving[FACES])
{
    if (item->limit == NULL || item->n == 0 || item->limit->distinct != 0)
        return charge->limit;
    uint32_t share = item->n / serving[item->limit->at];
    return share > 0 ? share : 1;
}

bool bill_reduce_to_local(struct bill *bill, const struct config *config,
    const uint32_t serving[FACES])
{
    if (bill_defers(bill, config))
        return false;

    size_t kept = bill->known;
    for (size_t i = bill->known; i < bill->count; i++) {
        if (failure_mode(&bill->items[i], config) != STORE_FAILURE_LOCAL)
            continue;
        bill->charges[kept] = bill->charges[i];
        bill->charges[kept].limit =
            share_of(&bill->items[i], &bill->charges[i], serving);
        bill->items[kept++] = bill->items[i];
    }
    bill->count = kept;
    return true;
}

void bill_scale_reports(
    struct bill *bill, const uint32_t serving[FACES], enum face face)
{
    for (size_t i = bill->known; i < bill->count; i++) {
        uint32_t *used = &bill->charges[i].used;
        uint32_t factor = serving[face];
        if (bill->items[i].limit == NULL && *used > 1)
            *used = *used > INT32_MAX / factor ? INT32_MAX : *used * factor;
    }
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

static bool is_beyond(struct newcomers *newcomers, const struct config *config,
    const struct event *event, const struct cidr *client,
    const struct charge *charge)
{
    const struct newcomer newcomer = {
        .client = client,
        .limit = charge->name,
        .subject = charge->subject,
        .window_ms = charge->window_ms,
        .max = config->new_keys_per_client,
        .is_peek = event->peek,
    };
    return !newcomers_admit(newcomers, &newcomer, clock_coarse_ms());
}

/* A lease needs no bound: connections are few. An exempt client is trusted. */
const struct limit *bill_bound_newcomers(struct bill *bill,
    struct newcomers *newcomers, const struct config *config,
    const struct event *event)
{
    const struct limit *first = NULL;
    if (config->new_keys_per_client == 0 || event->is_exempt)
        return NULL;
    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_item *item = &bill->items[i];
        struct charge *charge = &bill->charges[i];
        if (item->limit == NULL || !newcomers_can_invent(item->limit->key) ||
            item->is_overridden || charge->kind == CHARGE_LEASE)
            continue;
        struct cidr client = limit_client_net(&event->client, config->prefixes);
        if (!is_beyond(newcomers, config, event, &client, charge))
            continue;
        newcomers_others(&client, &bill->others);
        charge->subject = &bill->others;
        first = first == NULL ? item->limit : first;
    }
    return first;
}
