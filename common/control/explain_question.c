/*
 * explain_question.c - see explain_question.h.
 *
 * Names are those of the log and of tollgate.conf's keys. The proof of the
 * peer is taken for granted unless a peer is given: who asks stands behind no
 * proxy.
 */
#include "common/control/explain_question.h"

#include "common/base/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text of the event, or a function that reads the value. */
struct question_name {
    const char *name;
    size_t offset; /* of its text; 0: see read */
    bool (*read)(
        struct explain_question *, const char *value, struct error *err);
};

static bool read_client(
    struct explain_question *question, const char *value, struct error *err)
{
    if (!cidr_parse(value, &question->event.client, err))
        return false;
    (void)snprintf(question->client, sizeof question->client, "%s", value);
    return true;
}

static bool read_peer(
    struct explain_question *question, const char *value, struct error *err)
{
    struct peer *peer = &question->event.peer;

    if (strcmp(value, "unproven") == 0) {
        peer->state = PEER_UNPROVEN;
        return true;
    }
    peer->state = PEER_PROVEN;
    if (address_parse(value, strlen(value), &peer->address))
        return true;
    return error_set(err, "peer: %s: allowed: an address, or unproven", value);
}

static bool read_number(const char *name, const char *value, uint32_t max,
    uint32_t *number_r, struct error *err)
{
    const char *end = value;
    uint64_t number;

    if (!decimal_read(&end, max, &number) || *end != '\0' || number < 1)
        return error_set(
            err, "%s: %s: allowed: 1 to %lu", name, value, (unsigned long)max);
    *number_r = (uint32_t)number;
    return true;
}

static bool read_port(
    struct explain_question *question, const char *value, struct error *err)
{
    uint32_t port = 0;

    if (!read_number("port", value, 65535, &port, err))
        return false;
    question->event.peer.port = (uint16_t)port;
    return true;
}

static bool read_amount(
    struct explain_question *question, const char *value, struct error *err)
{
    return read_number("amount", value, 1000000000, &question->amount, err);
}

static bool read_recipients(
    struct explain_question *question, const char *value, struct error *err)
{
    return read_number(
        "recipients", value, 1000000, &question->event.message_recipients, err);
}

static bool read_face(
    struct explain_question *question, const char *value, struct error *err)
{
    enum face face;

    if (!face_parse(value, &face))
        return error_set(err, "face: %s: allowed: %s", value, face_words());
    question->faces = 1u << face;
    return true;
}

static bool read_event(
    struct explain_question *question, const char *value, struct error *err)
{
    if (event_kind_parse(value, &question->kind))
        return true;
    return error_set(err, "event: %s: allowed: %s", value, event_kind_words());
}

#define TEXT(name) offsetof(struct explain_question, name)

static const struct question_name names[] = {
    {"client", 0, read_client},
    {"sasl", TEXT(sasl), NULL},
    {"sasl_username", TEXT(sasl), NULL},
    {"sender", TEXT(sender), NULL},
    {"recipient", TEXT(recipient), NULL},
    {"helo", TEXT(helo), NULL},
    {"service", TEXT(service), NULL},
    {"port", 0, read_port},
    {"peer", 0, read_peer},
    {"face", 0, read_face},
    {"event", 0, read_event},
    {"amount", 0, read_amount},
    {"recipients", 0, read_recipients},
};

static const struct question_name *find_name(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0)
            return &names[i];
    return NULL;
}

static bool read_one(struct explain_question *question, const char *name,
    const char *value, struct error *err)
{
    const struct question_name *known = find_name(name);

    if (known == NULL)
        return error_set(err,
            "%s: unknown; allowed: client, sasl, sender, recipient, helo, "
            "service, port, peer, face, event, amount, recipients",
            name);
    if (known->read != NULL)
        return known->read(question, value, err);
    int len =
        snprintf((char *)question + known->offset, EXPLAIN_TEXT, "%s", value);
    return len < EXPLAIN_TEXT || error_set(err, "%s: too long", name);
}

bool explain_question_read(
    struct explain_question *question, const json_t *values, struct error *err)
{
    const char *name;
    const json_t *value;

    *question = (struct explain_question){.kind = EVENT_KINDS, .amount = 1};
    question->event = (struct event){.service = question->service,
        .client_text = question->client,
        .peer = {.state = PEER_ASSUMED},
        .sasl_username = question->sasl,
        .sender = question->sender,
        .recipient = question->recipient,
        .helo = question->helo,
        .instance = "",
        .message_recipients = 1,
        .peek = true,
        .is_dry = true};
    /* jansson's iterator asks for a json_t that could be changed. */
    void *at = json_object_iter((json_t *)(uintptr_t)values);
    for (; at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)values, at)) {
        name = json_object_iter_key(at);
        value = json_object_iter_value(at);
        if (!read_one(question, name, json_string_value(value), err))
            return false;
    }
    return true;
}

static bool is_asked(const struct explain_question *question,
    const struct config *config, enum face face, enum event_kind kind)
{
    if (question->kind == EVENT_KINDS)
        return config->feeds[face][kind].count > 0;
    return question->kind == kind && event_can_feed(face, kind);
}

size_t explain_question_asks(const struct explain_question *question,
    const struct config *config, unsigned faces,
    struct explain_ask asks[EXPLAIN_ASKS])
{
    size_t count = 0;

    if (question->faces != 0)
        faces &= question->faces;
    for (unsigned face = 0; face < FACES; face++)
        for (unsigned kind = 0; (faces & 1u << face) != 0 && kind < EVENT_KINDS;
             kind++)
            if (is_asked(
                    question, config, (enum face)face, (enum event_kind)kind))
                asks[count++] = (struct explain_ask){
                    (enum face)face, (enum event_kind)kind};
    if (count > 0 || question->kind != EVENT_KINDS || faces == 0)
        return count;
    /* No limit at all: proof, claim and bans can be shown all the same. */
    enum face face = (enum face)__builtin_ctz(faces);
    asks[0] = (struct explain_ask){face, EVENT_MESSAGE};
    return 1;
}

struct event explain_question_event(
    const struct explain_question *question, const struct explain_ask *ask)
{
    struct event event = question->event;

    event.face = ask->face;
    event.amount[ask->kind] = question->amount;
    return event;
}
