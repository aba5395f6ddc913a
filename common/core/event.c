/*
 * event.c - the names of faces, events and keys, and who can feed what.
 *
 * Two small tables say what each protocol carries; the configuration refuses
 * what they do not allow, so nobody waits for a limit that can never bite.
 */
#include "common/core/event.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BIT(n)       (1u << (n))

static const char *const face_names[] = {
    [FACE_ANVIL] = "anvil",
    [FACE_POLICY] = "policy",
    [FACE_MILTER] = "milter",
};

static const struct {
    const char *name;
    unsigned faces;
    enum event_kind cause; /* of different values */
    enum key_part part;    /* of these */
} event_kinds[] = {
    [EVENT_CONNECTION] = {"connection", BIT(FACE_ANVIL) | BIT(FACE_MILTER)},
    [EVENT_CONNECTION_COUNT] = {"connection_count",
        BIT(FACE_ANVIL) | BIT(FACE_MILTER)},
    [EVENT_MESSAGE] = {"message",
        BIT(FACE_ANVIL) | BIT(FACE_POLICY) | BIT(FACE_MILTER)},
    [EVENT_RECIPIENT] = {"recipient",
        BIT(FACE_ANVIL) | BIT(FACE_POLICY) | BIT(FACE_MILTER)},
    [EVENT_REJECTED_RECIPIENT] = {"rejected_recipient", BIT(FACE_MILTER)},
    [EVENT_BYTES] = {"bytes", BIT(FACE_POLICY) | BIT(FACE_MILTER)},
    [EVENT_TLS] = {"tls", BIT(FACE_ANVIL)},
    [EVENT_AUTH] = {"auth", BIT(FACE_ANVIL)},
    [EVENT_NETWORKS] = {"networks", BIT(FACE_POLICY) | BIT(FACE_MILTER),
        EVENT_MESSAGE, KEY_CLIENT},
    [EVENT_DISTINCT_RECIPIENTS] = {"distinct_recipients",
        BIT(FACE_POLICY) | BIT(FACE_MILTER), EVENT_RECIPIENT, KEY_RECIPIENT},
    [EVENT_DISTINCT_RECIPIENT_DOMAINS] = {"distinct_recipient_domains",
        BIT(FACE_POLICY) | BIT(FACE_MILTER), EVENT_RECIPIENT,
        KEY_RECIPIENT_DOMAIN},
};

static const struct {
    const char *name;
    bool is_on_anvil; /* anvil is told the service and the client only */
} key_parts[] = {
    [KEY_CLIENT] = {"client", true},
    [KEY_CLIENT_ADDRESS] = {"client_address", true},
    [KEY_SASL_USERNAME] = {"sasl_username", false},
    [KEY_SASL_DOMAIN] = {"sasl_domain", false},
    [KEY_SENDER] = {"sender", false},
    [KEY_SENDER_DOMAIN] = {"sender_domain", false},
    [KEY_RECIPIENT] = {"recipient", false},
    [KEY_RECIPIENT_DOMAIN] = {"recipient_domain", false},
    [KEY_HELO] = {"helo", false},
    [KEY_SERVICE] = {"service", true},
};

_Static_assert(COUNT(face_names) == FACES, "every face has a name");
_Static_assert(COUNT(event_kinds) == EVENT_KINDS, "every event has a row");
_Static_assert(COUNT(key_parts) == KEY_PARTS, "every key part has a row");

const char *face_name(enum face face)
{
    return (unsigned)face < FACES ? face_names[face] : NULL;
}

const char *event_asker(const struct event *event)
{
    return event->is_gate ? "gate" : face_name(event->face);
}

const char *event_kind_name(enum event_kind kind)
{
    return (unsigned)kind < EVENT_KINDS ? event_kinds[kind].name : NULL;
}

const char *key_part_name(enum key_part part)
{
    return (unsigned)part < KEY_PARTS ? key_parts[part].name : NULL;
}

bool face_parse(const char *text, enum face *face_r)
{
    for (unsigned i = 0; i < FACES; i++) {
        if (strcmp(text, face_names[i]) == 0) {
            *face_r = (enum face)i;
            return true;
        }
    }
    return false;
}

bool event_kind_parse(const char *text, enum event_kind *kind_r)
{
    for (unsigned i = 0; i < EVENT_KINDS; i++) {
        if (strcmp(text, event_kinds[i].name) == 0) {
            *kind_r = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

bool key_part_parse(const char *text, enum key_part *part_r)
{
    for (unsigned i = 0; i < KEY_PARTS; i++) {
        if (strcmp(text, key_parts[i].name) == 0) {
            *part_r = (enum key_part)i;
            return true;
        }
    }
    return false;
}

const char *key_part_word(enum key_part part)
{
    return part == KEY_SASL_USERNAME ? "sasl" : key_part_name(part);
}

static bool is_word(const char *word, const char *text, size_t len)
{
    return strlen(word) == len && memcmp(word, text, len) == 0;
}

bool key_part_word_parse(const char *text, size_t len, enum key_part *part_r)
{
    for (unsigned i = 0; i < KEY_PARTS; i++) {
        enum key_part part = (enum key_part)i;
        if (is_word(key_part_word(part), text, len) ||
            is_word(key_part_name(part), text, len)) {
            *part_r = part;
            return true;
        }
    }
    return false;
}

bool key_part_is_domain(enum key_part part)
{
    return part == KEY_SASL_DOMAIN || part == KEY_SENDER_DOMAIN ||
           part == KEY_RECIPIENT_DOMAIN;
}

bool event_can_feed(enum face face, enum event_kind kind)
{
    return (event_kinds[kind].faces & BIT(face)) != 0;
}

enum event_kind event_kind_cause(enum event_kind kind)
{
    return kind < EVENT_DISTINCT_FIRST ? kind : event_kinds[kind].cause;
}

enum key_part event_kind_part(enum event_kind kind)
{
    return kind < EVENT_DISTINCT_FIRST ? KEY_PARTS : event_kinds[kind].part;
}

bool event_has_key(enum face face, enum key_part part)
{
    return face != FACE_ANVIL || key_parts[part].is_on_anvil;
}

static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at == NULL ? "" : at + 1;
}

const char *event_key_text(const struct event *event, enum key_part part)
{
    switch (part) {
    case KEY_SASL_USERNAME:
        return event->sasl_username;
    case KEY_SASL_DOMAIN:
        return domain_of(event->sasl_username);
    case KEY_SENDER:
        return event->sender;
    case KEY_SENDER_DOMAIN:
        return domain_of(event->sender);
    case KEY_RECIPIENT:
        return event->recipient;
    case KEY_RECIPIENT_DOMAIN:
        return domain_of(event->recipient);
    case KEY_HELO:
        return event->helo;
    case KEY_CLIENT:
    case KEY_CLIENT_ADDRESS:
    case KEY_SERVICE:
    case KEY_PARTS:
        break;
    }
    return "";
}

enum event_kind event_first_kind(const struct event *event)
{
    enum event_kind kind = 0;
    while (kind < EVENT_KINDS && event->amount[kind] == 0)
        kind++;
    return kind;
}
