/*
 * event.h - what a face saw: the question that the engine decides.
 *
 * Pure data. A face fills an event from its own protocol and knows nothing of
 * limits; the engine knows nothing of protocols.
 */
#ifndef TOLLGATE_CORE_EVENT_H
#define TOLLGATE_CORE_EVENT_H

#include "common/base/cidr.h"
#include "common/core/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum face { FACE_ANVIL, FACE_POLICY, FACE_MILTER, FACES };

enum event_kind {
    EVENT_CONNECTION,         /* a session was opened */
    EVENT_CONNECTION_COUNT,   /* sessions open at once */
    EVENT_MESSAGE,            /* a mail transaction was begun */
    EVENT_RECIPIENT,          /* a recipient was named */
    EVENT_REJECTED_RECIPIENT, /* a recipient that Postfix itself refused */
    EVENT_BYTES,              /* content of a message, in bytes */
    EVENT_TLS,                /* a TLS handshake without session reuse */
    EVENT_AUTH,               /* an AUTH command */
    EVENT_DISTINCT_FIRST,     /* different values, from here on: */
    EVENT_NETWORKS = EVENT_DISTINCT_FIRST, /* of the client, of messages */
    EVENT_DISTINCT_RECIPIENTS,
    EVENT_DISTINCT_RECIPIENT_DOMAINS,
    EVENT_KINDS,
};

enum key_part {
    KEY_CLIENT,         /* the client's net; the lengths are the limit's */
    KEY_CLIENT_ADDRESS, /* as the face has it: exact, or anvil's net */
    KEY_SASL_USERNAME,
    KEY_SASL_DOMAIN, /* of a login that is an address */
    KEY_SENDER,
    KEY_SENDER_DOMAIN,
    KEY_RECIPIENT,
    KEY_RECIPIENT_DOMAIN,
    KEY_HELO,
    KEY_SERVICE,
    KEY_PARTS,
};

struct proxy_header;

/*
 * Text fields are never NULL, "" where the face does not know; they are
 * borrowed from the face until the verdict has been delivered.
 */
struct event {
    enum face face;
    const char *service;     /* anvil's ident, policy_context, {daemon_name} */
    struct cidr client;      /* family ADDRESS_NONE: unknown. From anvil it may
                                be a net: Postfix 3.8+ aggregates */
    const char *client_text; /* as the face was given it; for logs */
    struct peer peer;        /* the truth about the session, where proven */
    struct address frontend; /* destination in the PROXY header, with its */
    uint16_t frontend_port;  /* port; ADDRESS_NONE: the face is not told */
    bool is_unproxied; /* set by the engine: the client is the proxy itself */
    bool is_exempt;    /* set by the engine: limits by client do not apply */
    const char *sasl_username;
    const char *sender; /* "" is the null sender too */
    const char *recipient;
    const char *helo;
    const char *instance;         /* names the message, for logs */
    uint32_t amount[EVENT_KINDS]; /* how often each happens now; 0: not. Of
                                     different values only where is_dry: else
                                     they come with their cause */
    uint32_t message_recipients;  /* of this message, the ones asked about now
                                     included, for max_per_message; 0: n/a */
    bool peek;                    /* tell, but count nothing */
    bool silent;                  /* nobody acts on the answer: no refusal */
    bool is_dry;  /* made up, and a peek: is not logged, not in the metrics */
    bool is_gate; /* asked by a gate, before any smtpd: a peek of this face's */
    const struct proxy_header *header; /* at a gate, for logs; NULL: none was
                                          read */
};

/* In an initializer: neither a login nor a message nor a HELO name is known. */
#define EVENT_NO_TEXTS \
    .sasl_username = "", .sender = "", .recipient = "", .helo = "", \
    .instance = ""

/* Names as in tollgate.conf; NULL past the end. */
const char *face_name(enum face);
const char *event_kind_name(enum event_kind);
const char *key_part_name(enum key_part);
/* Who asks: the face, or "gate". */
const char *event_asker(const struct event *);
bool face_parse(const char *text, enum face *face_r);
bool event_kind_parse(const char *text, enum event_kind *kind_r);
bool key_part_parse(const char *text, enum key_part *part_r);
/* With what it is counted: different values with the event that brings one;
 * others with themselves. */
enum event_kind event_kind_cause(enum event_kind);
/* What has to be different; KEY_PARTS: each event counts. */
enum key_part event_kind_part(enum event_kind);
/* As people write it in a key: the same, but "sasl" for sasl_username. */
const char *key_part_word(enum key_part);
/* Of the text's first len bytes; either word. */
bool key_part_word_parse(const char *text, size_t len, enum key_part *part_r);
/* Does the text of such a key follow the last '@' of another? */
bool key_part_is_domain(enum key_part);

/* INTERFACE: "Who can feed what". */
bool event_can_feed(enum face, enum event_kind);
bool event_has_key(enum face, enum key_part);

/* The first that happens; EVENT_KINDS: none does. */
enum event_kind event_first_kind(const struct event *);

/*
 * What a key part reads in the event: the whole text, or what follows its
 * last '@'. "" if it is not known, and for client, client_address, service.
 */
const char *event_key_text(const struct event *, enum key_part);

#endif
