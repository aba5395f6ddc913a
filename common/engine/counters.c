/*
 * counters.c - see counters.h.
 */
#include "common/engine/counters.h"

#include "common/engine/bill.h"

#include <stdio.h>
#include <string.h>

#define SERVICE (1u << KEY_SERVICE)

static bool parse_client(
    const char *text, struct counter_key *key, struct error *err)
{
    key->part = KEY_CLIENT;
    key->is_unproxied = strcmp(text, "unproxied") == 0;
    return key->is_unproxied || cidr_parse(text, &key->client, err);
}

/* The part before the colon; len: of its name. */
static bool parse_part(
    const char *text, size_t len, enum key_part *part_r, struct error *err)
{
    if (key_part_word_parse(text, len, part_r) && *part_r != KEY_SERVICE &&
        *part_r != KEY_CLIENT_ADDRESS)
        return true;
    return error_set(err,
        "%.*s: no such kind of key; allowed: an address, sasl:USER, "
        "sasl:@DOMAIN, sender:, sender_domain:, recipient:, "
        "recipient_domain:, helo:",
        (int)(len < 32 ? len : 32), text);
}

bool counter_key_parse(
    const char *text, struct counter_key *key, struct error *err)
{
    const char *colon = strchr(text, ':');
    struct error ignored;

    *key = (struct counter_key){.part = KEY_CLIENT};
    if (colon == NULL || parse_client(text, key, &ignored))
        return parse_client(text, key, err);
    if (!parse_part(text, (size_t)(colon - text), &key->part, err))
        return false;
    const char *value = colon + 1;
    if (key->part == KEY_CLIENT)
        return parse_client(value, key, err);
    if (key->part == KEY_SASL_USERNAME && value[0] == '@') {
        key->part = KEY_SASL_DOMAIN;
        value++;
    }
    /* A domain is what follows the @ of an address. */
    int len = snprintf(key->text, sizeof key->text, "%s%s",
        key_part_is_domain(key->part) ? "@" : "", value);
    if (value[0] == '\0' || len >= (int)sizeof key->text)
        return error_set(err, "%.*s: 1 to %d bytes must follow it",
            (int)(colon - text), text, COUNTER_KEY_TEXT - 2);
    return true;
}

void counter_key_put(const struct counter_key *key, struct event *event)
{
    switch (key->part) {
    case KEY_CLIENT:
    case KEY_CLIENT_ADDRESS:
        event->client = key->client;
        event->is_unproxied = key->is_unproxied;
        break;
    case KEY_SASL_USERNAME:
    case KEY_SASL_DOMAIN:
        event->sasl_username = key->text;
        break;
    case KEY_SENDER:
    case KEY_SENDER_DOMAIN:
        event->sender = key->text;
        break;
    case KEY_RECIPIENT:
    case KEY_RECIPIENT_DOMAIN:
        event->recipient = key->text;
        break;
    case KEY_HELO:
        event->helo = key->text;
        break;
    case KEY_SERVICE:
    case KEY_PARTS:
        break;
    }
}

struct event counter_key_event(const struct counter_key *key)
{
    struct event event = {.service = "", .client_text = "", EVENT_NO_TEXTS};

    counter_key_put(key, &event);
    return event;
}

/* What the limit counts by, or, of a login's domain, what a total of it is
 * counted by. */
static uint16_t key_of(const struct limit *limit, const struct counter_key *key)
{
    const uint16_t login = 1u << KEY_SASL_USERNAME;

    return key->part == KEY_SASL_DOMAIN && (limit->key & login) != 0
               ? limit_domain_key(limit->key)
               : limit->key;
}

/* Is the key's part the only one, apart from the service? */
static bool is_of_key(const struct limit *limit, const struct counter_key *key)
{
    unsigned parts = key_of(limit, key) & ~SERVICE;
    unsigned own = 1u << key->part;

    if (key->part == KEY_CLIENT)
        own |= 1u << KEY_CLIENT_ADDRESS;
    return limit->kind != LIMIT_PER_MESSAGE && parts != 0 &&
           (parts & ~own) == 0;
}

static struct counter *counters_add(struct counters *counters,
    const struct limit *limit, enum event_kind kind, const char *service)
{
    if (counters->count == COUNTERS_MAX)
        return NULL;
    struct counter *counter = &counters->items[counters->count++];
    *counter =
        (struct counter){.limit = limit, .kind = kind, .service = service};
    return counter;
}

static void add_limit(struct counters *counters, const struct config *config,
    const struct event *event, const struct limit *limit, uint16_t key,
    const char *service)
{
    struct counter *counter =
        counters_add(counters, limit, limit->event, service);

    if (counter == NULL)
        return;
    struct event folded = *event;
    config_fold_client(config, &folded.client);
    limit_subject(key, &folded, service != NULL ? service : "", limit->prefixes,
        &counter->subject);
    counter->charge = bill_limit_charge(limit);
    counter->allowed = limit->n;
    counter->charge.subject = &counter->subject;
    counter->charge.amount = 1;
}

static void add_report(struct counters *counters, const struct config *config,
    const struct event *event, enum event_kind kind, const char *service)
{
    struct counter *counter = counters_add(counters, NULL, kind, service);

    if (counter == NULL)
        return;
    bill_report_subject(event, service, &counter->subject);
    counter->charge = bill_report_charge(config, kind);
    counter->charge.subject = &counter->subject;
    counter->charge.amount = 1;
}

/* A client_* limit at anvil is what is reported then. */
static bool has_report(const struct config *config, enum event_kind kind)
{
    return event_can_feed(FACE_ANVIL, kind) &&
           (config->client.at != 1 + FACE_ANVIL || config->client.n[kind] == 0);
}

void counters_list(struct counters *counters, const struct config *config,
    const struct counter_key *key, const char *const *services, size_t count)
{
    const struct event event = counter_key_event(key);

    counters->count = 0;
    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *limit = &config->limits[i];
        uint16_t parts = key_of(limit, key);
        if (!is_of_key(limit, key))
            continue;
        if ((limit->key & SERVICE) == 0)
            add_limit(counters, config, &event, limit, parts, NULL);
        for (size_t s = 0; (limit->key & SERVICE) != 0 && s < count; s++)
            add_limit(counters, config, &event, limit, parts, services[s]);
    }
    for (size_t s = 0; key->part == KEY_CLIENT && s < count; s++)
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
            if (has_report(config, (enum event_kind)kind))
                add_report(counters, config, &event, (enum event_kind)kind,
                    services[s]);
}

void counters_override(
    struct counters *counters, const struct edict_table *edicts)
{
    for (size_t i = 0; i < counters->count; i++) {
        struct counter *counter = &counters->items[i];
        const struct edict *override = NULL;
        if (counter->limit != NULL)
            override = bill_override_charge(edicts, counter->limit,
                &counter->charge, &counter->subject, &counter->allowed);
        counter->is_overridden = override != NULL;
        if (override != NULL && override->is_blocked)
            counter->blocked_until_ms = override->until_ms;
    }
}
