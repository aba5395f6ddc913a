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

/*
 * The words for faces, events and parts of keys, wherever people write or read
 * them. Each table of them is made from these lists, in this order, so that
 * what is new is one line here and the place that gives it a meaning.
 */

/* X(NAME, word) */
#define FACES_ALL(X) \
    X(ANVIL, "anvil") \
    X(POLICY, "policy") \
    X(MILTER, "milter")

#define SEEN_ON(face) (1u << FACE_##face)

/* X(NAME, word, the faces that see it, the reply of a limit that has none of
 * its own). Events of one request stand together in config/build_faces.c, too.
 * Those that count different values are the last: event.c says which event
 * brings each of them. */
#define EVENTS_ALL(X) \
    /* A session was opened. */ \
    X(CONNECTION, "connection", SEEN_ON(ANVIL) | SEEN_ON(MILTER), \
        "421 4.7.0 Error: too many connections") \
    /* Sessions open at once. */ \
    X(CONNECTION_COUNT, "connection_count", SEEN_ON(ANVIL) | SEEN_ON(MILTER), \
        "421 4.7.0 Error: too many connections") \
    /* A mail transaction was begun. */ \
    X(MESSAGE, "message", SEEN_ON(ANVIL) | SEEN_ON(POLICY) | SEEN_ON(MILTER), \
        "450 4.7.1 Error: too much mail") \
    /* A recipient was named. */ \
    X(RECIPIENT, "recipient", \
        SEEN_ON(ANVIL) | SEEN_ON(POLICY) | SEEN_ON(MILTER), \
        "450 4.7.1 Error: too many recipients") \
    /* A recipient that Postfix itself refused. */ \
    X(REJECTED_RECIPIENT, "rejected_recipient", SEEN_ON(MILTER), \
        "450 4.7.1 Error: too many rejected recipients") \
    /* Content of a message, in bytes. */ \
    X(BYTES, "bytes", SEEN_ON(POLICY) | SEEN_ON(MILTER), \
        "450 4.7.1 Error: too much mail data") \
    /* A TLS handshake without session reuse. */ \
    X(TLS, "tls", SEEN_ON(ANVIL), \
        "421 4.7.0 Error: too many new TLS sessions") \
    /* An AUTH command. */ \
    X(AUTH, "auth", SEEN_ON(ANVIL), "450 4.7.1 Error: too many AUTH commands") \
    /* An ETRN command. */ \
    X(ETRN, "etrn", SEEN_ON(POLICY), \
        "450 4.7.1 Error: too many ETRN commands") \
    /* Networks of clients, of messages. */ \
    X(NETWORKS, "networks", SEEN_ON(POLICY) | SEEN_ON(MILTER), \
        "450 4.7.1 Error: too many client networks") \
    X(DISTINCT_RECIPIENTS, "distinct_recipients", \
        SEEN_ON(POLICY) | SEEN_ON(MILTER), \
        "450 4.7.1 Error: too many different recipients") \
    X(DISTINCT_RECIPIENT_DOMAINS, "distinct_recipient_domains", \
        SEEN_ON(POLICY) | SEEN_ON(MILTER), \
        "450 4.7.1 Error: too many different recipient domains")

/* X(NAME, word, is it known at anvil, which is told the service and the client
 * only) */
#define KEY_PARTS_ALL(X) \
    /* The client's net; the lengths are the limit's. */ \
    X(CLIENT, "client", true) \
    /* As the face has it: exact, or anvil's net. */ \
    X(CLIENT_ADDRESS, "client_address", true) \
    X(SASL_USERNAME, "sasl_username", false) \
    /* Of a login that is an address. */ \
    X(SASL_DOMAIN, "sasl_domain", false) \
    X(SENDER, "sender", false) \
    X(SENDER_DOMAIN, "sender_domain", false) \
    X(RECIPIENT, "recipient", false) \
    X(RECIPIENT_DOMAIN, "recipient_domain", false) \
    X(HELO, "helo", false) \
    X(SERVICE, "service", true)

#define FACE_MEMBER(name, ...)  FACE_##name,
#define EVENT_MEMBER(name, ...) EVENT_##name,
#define KEY_MEMBER(name, ...)   KEY_##name,
enum face { FACES_ALL(FACE_MEMBER) FACES };
enum event_kind {
    EVENTS_ALL(EVENT_MEMBER) EVENT_KINDS,
    EVENT_DISTINCT_FIRST = EVENT_NETWORKS,
};
enum key_part { KEY_PARTS_ALL(KEY_MEMBER) KEY_PARTS };

/* Of a list of words that ends with NULL, and of a text that names them all. */
#define WORD_ITEM(name, word, ...)   word,
#define WORD_LISTED(name, word, ...) ", " word

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
/* All of them, as an error names what is allowed: "a, b, c". */
const char *face_words(void);
const char *event_kind_words(void);
const char *key_part_words(void);
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
