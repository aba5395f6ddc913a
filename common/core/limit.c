/*
 * limit.c - does a limit apply to an event?
 *
 * Asked for every limit at every request: no allocation, no copies. When a
 * part of the key is not known the limit is silent instead of putting all
 * such mail on one counter.
 */
#include "common/core/limit.h"

#include "common/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool service_matches(const struct limit *limit,
    const struct event *event, const char *service_title)
{
    char *const *service = limit->services;
    if (service == NULL || *service == NULL)
        return true;
    for (; *service != NULL; service++)
        if (strcmp(*service, service_title) == 0 ||
            strcmp(*service, event->service) == 0)
            return true;
    return false;
}

static bool client_matches(const struct limit *limit, const struct event *event)
{
    return limit->clients.count == 0 ||
           cidr_list_contains_net(&limit->clients, &event->client);
}

static bool authentication_matches(
    const struct limit *limit, const struct event *event)
{
    bool is_authenticated = event->sasl_username[0] != '\0';
    return limit->authenticated == LIMIT_AUTH_ANY ||
           (limit->authenticated == LIMIT_AUTH_YES) == is_authenticated;
}

/* Apart, for most limits have no use for so large a frame. */
static __attribute__((noinline)) bool text_is_known(
    const struct event *event, enum key_part part)
{
    const struct limit_prefixes none = {.recipient_delimiter = NULL};
    char mailbox[MAILBOX_SIZE];

    return limit_part_text(event, part, none, mailbox)[0] != '\0';
}

static bool list_matches(const struct limit *limit,
    const struct name_list *list, const struct event *event, enum key_part part)
{
    char name[MAILBOX_SIZE];

    return name_list_is_unset(list) ||
           name_list_holds(
               list, limit_part_text(event, part, limit->prefixes, name));
}

/* Apart, as above. */
static __attribute__((noinline)) bool names_match(
    const struct limit *limit, const struct event *event)
{
    const struct limit_names *names = limit->names;

    return list_matches(limit, &names->senders, event, KEY_SENDER) &&
           list_matches(limit, &names->logins, event, KEY_SASL_USERNAME) &&
           list_matches(limit, &names->recipients, event, KEY_RECIPIENT);
}

static bool part_is_known(const struct event *event, enum key_part part)
{
    if (part == KEY_SERVICE)
        return true; /* a listener without a name is one service too */
    if (part == KEY_CLIENT || part == KEY_CLIENT_ADDRESS)
        return event->client.net.family != ADDRESS_NONE;
    return text_is_known(event, part);
}

static bool key_is_known(uint16_t key, const struct event *event)
{
    for (unsigned rest = key; rest != 0; rest &= rest - 1)
        if (!part_is_known(event, (enum key_part)__builtin_ctz(rest)))
            return false;
    return true;
}

bool limit_spares_exempt(uint16_t key)
{
    const uint16_t client =
        1u << KEY_CLIENT | 1u << KEY_CLIENT_ADDRESS | 1u << KEY_HELO;
    const uint16_t nobody = 1u << KEY_SERVICE;

    if ((key & (1u << KEY_SASL_USERNAME | 1u << KEY_SASL_DOMAIN)) != 0)
        return false;
    return (key & client) != 0 || (key & ~nobody) == 0;
}

bool limit_spares(const struct limit *limit)
{
    return limit_spares_exempt(limit->key) ||
           limit->distinct == 1u << KEY_CLIENT;
}

bool limit_applies(const struct limit *limit, const struct event *event,
    const char *service_title)
{
    return !(event->is_exempt && limit_spares(limit)) &&
           authentication_matches(limit, event) &&
           key_is_known(limit->key | limit->distinct, event) &&
           service_matches(limit, event, service_title) &&
           client_matches(limit, event) &&
           (limit->names == NULL || names_match(limit, event));
}

uint64_t limit_penalty_step(uint64_t window_ms)
{
    const uint64_t minute_ms = 60000;

    return window_ms > 0 && window_ms < minute_ms ? window_ms : minute_ms;
}

char *limit_window_text(const struct limit *limit, uint64_t window_ms,
    char text[DURATION_TEXT_SIZE])
{
    if (limit->calendar == NULL)
        return duration_format(window_ms, text);
    (void)snprintf(text, DURATION_TEXT_SIZE, "%s",
        rate_unit_name(calendar_unit(limit->calendar)));
    return text;
}

void limit_names_free(struct limit_names **names)
{
    if (*names == NULL)
        return;
    name_list_clear(&(*names)->senders);
    name_list_clear(&(*names)->logins);
    name_list_clear(&(*names)->recipients);
    free(*names);
    *names = NULL;
}

void limit_clear(struct limit *limit)
{
    xfree_texts(limit->services);
    xfree_texts(limit->notify);
    free(limit->name);
    free(limit->store_name);
    free(limit->action);
    calendar_free(&limit->calendar);
    cidr_list_clear(&limit->clients);
    limit_names_free(&limit->names);
    *limit = (struct limit){0};
}
