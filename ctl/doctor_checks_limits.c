/*
 * doctor_checks_limits.c - what keeps Postfix from asking anvil, or from
 * heeding what it answers.
 */
#include "common/engine/postfix_limits.h"
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Above whatever is ever counted: tollgate alone decides. */
#define OUT_OF_REACH 1000000

static bool is_on(const struct doctor_listener *listener, enum event_kind kind)
{
    return strtol(doctor_value(listener, postfix_client_limits[kind]), NULL,
               10) > 0;
}

/* One answer serves both. */
static bool is_connect_compared(const struct doctor_listener *listener)
{
    return is_on(listener, EVENT_CONNECTION) ||
           is_on(listener, EVENT_CONNECTION_COUNT);
}

static void check_empty(struct doctor *doctor,
    const struct doctor_listener *listener, const char *name)
{
    const char *value = doctor_value(listener, name);

    if (!listener->has_header || !doctor->opens_anvil || *value == '\0')
        return;
    mend_listener(doctor,
        doctor_add_at(doctor, listener, "%s = %s", name, value), listener, name,
        "");
}

void check_exceptions(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    check_empty(doctor, listener, "smtpd_client_event_limit_exceptions");
}

void check_xclient(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    check_empty(doctor, listener, "smtpd_authorized_xclient_hosts");
}

/* Where headers are taken, check_xclient wants the list to be empty. */
static void look_at_xclient(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    static const char name[] = "smtpd_authorized_xclient_hosts";
    const char *hosts = doctor_value(listener, name);
    /* Postfix 3.8 brought both the prefix lengths and this behaviour. */
    bool is_new =
        doctor_known_value(listener, "smtpd_client_ipv4_prefix_length") != NULL;

    if (listener->has_header || *hosts == '\0' ||
        !doctor_has_limits(doctor, listener, FACE_ANVIL))
        return;
    if (is_new && listener->is_guarded)
        doctor_advise(doctor_add_at(doctor, listener,
                          "%s = %s, and limits are at anvil", name, hosts),
            "tollgate.conf: client_limits_at = \"policy\" or \"milter\", and "
            "no "
            "limit there with at = \"anvil\"");
    else
        doctor_note(doctor,
            "%s/%s: with %s, Postfix %s anvil the address of who says XCLIENT, "
            "so all clients of that proxy count as one there; "
            "client_limits_at = \"policy\" or \"milter\" counts each",
            listener->service->name, listener->service->type, name,
            is_new ? "tells" : "3.8 and later tells");
}

void check_xclient_counted(struct doctor *doctor)
{
    for (size_t i = 0; doctor->opens_anvil && i < doctor->count; i++)
        look_at_xclient(doctor, &doctor->listeners[i]);
}

static void mend_twin(struct doctor *doctor, struct doctor_finding *finding,
    const struct doctor_listener *listener, enum event_kind kind,
    uint32_t value)
{
    char *text = xprintf("%u", (unsigned)value);

    mend_listener(doctor, finding, listener, postfix_client_limits[kind], text);
    free(text);
}

void check_compared(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    if (!listener->has_header || !listener->wants_proof ||
        !doctor->opens_anvil || is_connect_compared(listener) ||
        doctor_limits(doctor, listener, FACE_ANVIL, EVENT_CONNECTION).count ||
        doctor_limits(doctor, listener, FACE_ANVIL, EVENT_CONNECTION_COUNT)
            .count)
        return;
    mend_twin(doctor,
        doctor_add_at(doctor, listener, "%s and %s are both 0",
            postfix_client_limits[EVENT_CONNECTION_COUNT],
            postfix_client_limits[EVENT_CONNECTION]),
        listener, EVENT_CONNECTION_COUNT, OUT_OF_REACH);
}

static void check_twin(struct doctor *doctor,
    const struct doctor_listener *listener, enum event_kind kind)
{
    struct limits_there there =
        doctor_limits(doctor, listener, FACE_ANVIL, kind);
    bool is_connect =
        kind == EVENT_CONNECTION || kind == EVENT_CONNECTION_COUNT;

    if (there.count == 0 || is_on(listener, kind) ||
        (is_connect && is_connect_compared(listener)))
        return;
    mend_twin(doctor,
        doctor_add_at(doctor, listener,
            "anvil is to decide about %s, but %s = 0", event_kind_name(kind),
            postfix_client_limits[kind]),
        listener, kind, there.is_plain ? there.highest : OUT_OF_REACH);
}

void check_twins(struct doctor *doctor, const struct doctor_listener *listener)
{
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
        if (postfix_client_limits[kind] != NULL)
            check_twin(doctor, listener, (enum event_kind)kind);
}

static void lengthen(
    const struct cidr_list *list, unsigned *ipv4_r, unsigned *ipv6_r)
{
    for (size_t i = 0; i < list->count; i++) {
        unsigned *length_r =
            list->items[i].net.family == ADDRESS_IPV4 ? ipv4_r : ipv6_r;
        if (list->items[i].prefix_length > *length_r)
            *length_r = list->items[i].prefix_length;
    }
}

/* How much of an address must arrive, to be found in every list. */
static void needed_lengths(const struct doctor *doctor,
    const struct doctor_listener *listener, unsigned *ipv4_r, unsigned *ipv6_r)
{
    const struct config *config = doctor->config;

    *ipv4_r = config->prefixes.ipv4;
    *ipv6_r = config->prefixes.ipv6;
    lengthen(&config->exempt_clients, ipv4_r, ipv6_r);
    for (size_t i = 0; i < config->limit_count; i++)
        if (config->limits[i].at == FACE_ANVIL)
            lengthen(&config->limits[i].clients, ipv4_r, ipv6_r);
    if (listener->section != NULL && listener->section->proxied) {
        lengthen(&listener->section->trusted_nets, ipv4_r, ipv6_r);
        lengthen(&config->impossible_clients, ipv4_r, ipv6_r);
    }
}

void check_prefixes(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    struct {
        const char *name, *most;
        unsigned needed;
    } rows[] = {
        {"smtpd_client_ipv4_prefix_length", "32", 0},
        {"smtpd_client_ipv6_prefix_length", "128", 0},
    };

    if (!doctor->opens_anvil)
        return;
    needed_lengths(doctor, listener, &rows[0].needed, &rows[1].needed);
    for (size_t i = 0; i < 2; i++) {
        const char *value = doctor_known_value(listener, rows[i].name);
        if (value == NULL || strtoul(value, NULL, 10) >= rows[i].needed)
            continue;
        mend_listener(doctor,
            doctor_add_at(doctor, listener, "%s = %s, tollgate.conf needs %u",
                rows[i].name, value, rows[i].needed),
            listener, rows[i].name, rows[i].most);
    }
}

/* Nobody vouches for these. */
#define STRANGERS \
    (1u << KEY_SENDER | 1u << KEY_SENDER_DOMAIN | 1u << KEY_RECIPIENT | \
        1u << KEY_RECIPIENT_DOMAIN | 1u << KEY_HELO)
/* With one of these, who names another's sender fills no counter of his. */
#define VOUCHED \
    (1u << KEY_CLIENT | 1u << KEY_CLIENT_ADDRESS | 1u << KEY_SASL_USERNAME | \
        1u << KEY_SASL_DOMAIN)

void check_stranger_keys(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->config->limit_count; i++) {
        const struct limit *limit = &doctor->config->limits[i];
        unsigned chosen = limit->key & STRANGERS;
        if (chosen == 0 || (limit->key & VOUCHED) != 0 ||
            limit->authenticated == LIMIT_AUTH_YES ||
            limit->kind == LIMIT_PER_MESSAGE)
            continue;
        doctor_note(doctor,
            "limit %s: any stranger can name a %s and fill its counter, and "
            "mail of others is refused then; add authenticated = \"yes\", or "
            "\"client\" to its key, unless that is meant",
            limit->name, key_part_name((enum key_part)__builtin_ctz(chosen)));
    }
}
