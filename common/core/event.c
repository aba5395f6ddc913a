/*
 * event.c - the names of faces, events and keys, and who can feed what.
 *
 * Two small tables say what each protocol carries; the configuration refuses
 * what they do not allow, so nobody waits for a limit that can never bite.
 */
#include "common/core/event.h"

#include <string.h>

static const char *const face_names[] = {FACES_ALL(WORD_ITEM)};

#define EVENT_ROW(name, word, faces, words) {word, faces},
static const struct {
    const char *name;
    unsigned faces; /* bits: 1u << enum face */
} event_kinds[] = {EVENTS_ALL(EVENT_ROW)};

/* Of different values: the event that brings one, and which that is. */
static const struct {
    enum event_kind cause;
    enum key_part part;
} distinct[EVENT_KINDS] = {
    [EVENT_NETWORKS] = {EVENT_MESSAGE, KEY_CLIENT},
    [EVENT_DISTINCT_RECIPIENTS] = {EVENT_RECIPIENT, KEY_RECIPIENT},
    [EVENT_DISTINCT_RECIPIENT_DOMAINS] = {EVENT_RECIPIENT,
        KEY_RECIPIENT_DOMAIN},
};

#define KEY_ROW(name, word, is_on_anvil) {word, is_on_anvil},
static const struct {
    const char *name;
    bool is_on_anvil;
} key_parts[] = {KEY_PARTS_ALL(KEY_ROW)};

/* Behind the first comma. */
const char *face_words(void)
{
    return &FACES_ALL(WORD_LISTED)[2];
}

const char *event_kind_words(void)
{
    return &EVENTS_ALL(WORD_LISTED)[2];
}

const char *key_part_words(void)
{
    return &KEY_PARTS_ALL(WORD_LISTED)[2];
}

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
    return (event_kinds[kind].faces & 1u << face) != 0;
}

enum event_kind event_kind_cause(enum event_kind kind)
{
    return kind < EVENT_DISTINCT_FIRST ? kind : distinct[kind].cause;
}

enum key_part event_kind_part(enum event_kind kind)
{
    return kind < EVENT_DISTINCT_FIRST ? KEY_PARTS : distinct[kind].part;
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
