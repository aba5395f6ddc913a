/*
 * anvil_event.c - anvil's requests as events, verdicts as anvil's numbers.
 *
 * One table says which request is which question; no request has code of its
 * own, which is where the original's twins went apart. Cannot fail.
 */
#include "policyd/anvil_event.h"

#define BIT(kind) (1u << (kind))
#define ANVIL_ALL \
    (BIT(EVENT_CONNECTION) | BIT(EVENT_CONNECTION_COUNT) | \
        BIT(EVENT_MESSAGE) | BIT(EVENT_RECIPIENT) | BIT(EVENT_TLS) | \
        BIT(EVENT_AUTH))

static const struct question {
    unsigned kinds;       /* bits: what is asked about */
    enum event_kind rate; /* the one that answers "rate" */
    bool peek;
} questions[ANVIL_REQUEST_KINDS] = {
    [ANVIL_REQUEST_CONNECT] = {BIT(EVENT_CONNECTION) |
                                   BIT(EVENT_CONNECTION_COUNT),
        EVENT_CONNECTION, false},
    [ANVIL_REQUEST_MESSAGE] = {BIT(EVENT_MESSAGE), EVENT_MESSAGE, false},
    [ANVIL_REQUEST_RECIPIENT] = {BIT(EVENT_RECIPIENT), EVENT_RECIPIENT, false},
    [ANVIL_REQUEST_NEWTLS] = {BIT(EVENT_TLS), EVENT_TLS, false},
    [ANVIL_REQUEST_NEWTLS_STATUS] = {BIT(EVENT_TLS), EVENT_TLS, true},
    [ANVIL_REQUEST_AUTH] = {BIT(EVENT_AUTH), EVENT_AUTH, false},
    [ANVIL_REQUEST_LOOKUP] = {ANVIL_ALL, EVENT_CONNECTION, true},
};

void anvil_event_fill(enum anvil_request_kind kind,
    const struct anvil_ident *ident, struct event *event_r)
{
    *event_r = (struct event){
        .face = FACE_ANVIL,
        .service = ident->service,
        .client = ident->client,
        .client_text = ident->client_text,
        EVENT_NO_TEXTS,
        .peek = questions[kind].peek,
        .silent = kind == ANVIL_REQUEST_LOOKUP,
    };
    for (unsigned i = 0; i < EVENT_KINDS; i++)
        if (questions[kind].kinds & BIT(i))
            event_r->amount[i] = 1;
}

struct anvil_numbers anvil_event_numbers(
    enum anvil_request_kind kind, const struct verdict *verdict)
{
    if (verdict->kind != VERDICT_PASS && kind != ANVIL_REQUEST_LOOKUP)
        return anvil_numbers_refused;
    return (struct anvil_numbers){
        .count = verdict->count[EVENT_CONNECTION_COUNT],
        .rate = verdict->count[questions[kind].rate],
        .mail = verdict->count[EVENT_MESSAGE],
        .rcpt = verdict->count[EVENT_RECIPIENT],
        .newtls = verdict->count[EVENT_TLS],
        .auth = verdict->count[EVENT_AUTH],
    };
}
