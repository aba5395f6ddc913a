/*
 * anvil_witness.c - notices limits that can never count.
 *
 * A hash of the sessions by their smtpd's pid, so that a recipient costs one
 * look. Only warns: what Postfix does not ask cannot be refused. The services
 * warned about are remembered up to WARNED_MAX, since a name comes from
 * outside; beyond that there is no warning any more.
 */
#include "policyd/anvil_witness.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS    1024
#define WARNED_MAX 64

struct anvil_witnesses {
    struct anvil_witness *buckets[BUCKETS];
    char *warned[WARNED_MAX]; /* services; owned */
    size_t warned_count;
};

/* The events that both faces see, and who is to be asked for them. */
static const struct {
    enum event_kind kind;
    const char *name;
    const char *parameter;
} rows[] = {
    {EVENT_MESSAGE, "message", "smtpd_client_message_rate_limit"},
    {EVENT_RECIPIENT, "recipient", "smtpd_client_recipient_rate_limit"},
};

struct anvil_witnesses *anvil_witnesses_new(void)
{
    return xcalloc(1, sizeof(struct anvil_witnesses));
}

void anvil_witnesses_free(struct anvil_witnesses **witnesses)
{
    if (*witnesses == NULL)
        return;
    for (size_t i = 0; i < (*witnesses)->warned_count; i++)
        free((*witnesses)->warned[i]);
    free(*witnesses);
    *witnesses = NULL;
}

void anvil_witness_add(
    struct anvil_witnesses *witnesses, struct anvil_witness *witness, pid_t pid)
{
    struct anvil_witness **bucket =
        &witnesses->buckets[(unsigned)pid % BUCKETS];

    witness->pid = pid;
    witness->next = *bucket;
    witness->link = bucket;
    if (*bucket != NULL)
        (*bucket)->link = &witness->next;
    *bucket = witness;
}

void anvil_witness_remove(struct anvil_witness *witness)
{
    *witness->link = witness->next;
    if (witness->next != NULL)
        witness->next->link = witness->link;
}

void anvil_witness_enter(
    struct anvil_witness *witness, const struct anvil_ident *ident)
{
    memset(witness->has_seen, 0, sizeof witness->has_seen);
    witness->is_connected = true;
    witness->client = ident->client;
    memcpy(witness->service, ident->service, sizeof witness->service);
}

void anvil_witness_leave(struct anvil_witness *witness)
{
    witness->is_connected = witness->is_serving = false;
}

static const struct anvil_witness *find_next(
    const struct anvil_witness *witness, pid_t pid)
{
    while (witness != NULL && witness->pid != pid)
        witness = witness->next;
    return witness;
}

static const struct anvil_witness *find_first(
    const struct anvil_witnesses *witnesses, pid_t pid)
{
    if (pid <= 0)
        return NULL;
    return find_next(witnesses->buckets[(unsigned)pid % BUCKETS], pid);
}

static const struct anvil_witness *find_connected(
    const struct anvil_witnesses *witnesses, pid_t pid)
{
    const struct anvil_witness *witness = find_first(witnesses, pid);

    while (witness != NULL && !witness->is_connected)
        witness = find_next(witness->next, pid);
    return witness;
}

bool anvil_witness_is_between_sessions(
    const struct anvil_witnesses *witnesses, pid_t smtpd)
{
    const struct anvil_witness *witness = find_first(witnesses, smtpd);
    bool is_known = witness != NULL;

    while (witness != NULL && !witness->is_serving)
        witness = find_next(witness->next, smtpd);
    return is_known && witness == NULL;
}

/* Some limit on this client would count such an event. */
static bool is_missed(const struct anvil_witness *witness, enum event_kind kind,
    const struct config *config)
{
    const struct config_feed *feed = &config->feeds[FACE_ANVIL][kind];
    const struct event event = {
        .face = FACE_ANVIL,
        .service = witness->service,
        .client = witness->client,
        .client_text = "",
        EVENT_NO_TEXTS,
    };

    if (witness->has_seen[kind])
        return false;
    for (size_t i = 0; i < feed->count; i++)
        if (limit_applies(feed->limits[i], &event,
                config_service_title(config, witness->service)))
            return true;
    return false;
}

static bool has_warned(
    const struct anvil_witnesses *witnesses, const char *service)
{
    for (size_t i = 0; i < witnesses->warned_count; i++)
        if (strcmp(witnesses->warned[i], service) == 0)
            return true;
    return witnesses->warned_count == WARNED_MAX;
}

static void warn_of_missed(struct anvil_witnesses *witnesses,
    const struct anvil_witness *witness, const struct config *config)
{
    bool is_warning = false;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!is_missed(witness, rows[i].kind, config) ||
            (!is_warning && has_warned(witnesses, witness->service)))
            continue;
        is_warning = true;
        log_warn("anvil: service %s sends no %s events, so limits that count "
                 "them there do nothing: set %s > 0 in main.cf",
            witness->service, rows[i].name, rows[i].parameter);
    }
    if (is_warning)
        witnesses->warned[witnesses->warned_count++] =
            xstrdup(witness->service);
}

enum anvil_acquaintance anvil_witness_rcpt(
    struct anvil_witnesses *witnesses, pid_t smtpd, const struct config *config)
{
    const struct anvil_witness *witness = find_connected(witnesses, smtpd);

    if (witness == NULL)
        return find_first(witnesses, smtpd) == NULL ? ANVIL_STRANGER
                                                    : ANVIL_KNOWN;
    warn_of_missed(witnesses, witness, config);
    return ANVIL_CONNECTED;
}
