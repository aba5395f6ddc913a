/*
 * verdict.c - the words of a verdict.
 *
 * Follows the codes and texts of Postfix's own limits, so that what people
 * and log readers know stays true. Values that come from strangers are
 * escaped before they enter a reply; a reply is one line, whatever they hold.
 */
#include "common/core/verdict.h"

#include "common/base/alloc.h"
#include "common/base/duration.h"
#include "common/base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define VALUE_MAX    160

static const char *const kind_names[] = {
    [VERDICT_PASS] = "pass",
    [VERDICT_REFUSE] = "refuse",
    [VERDICT_DEFER] = "defer",
};

static const char *const reason_names[] = {
    [REASON_NONE] = "none",
    [REASON_EXEMPT] = "exempt",
    [REASON_LIMIT] = "limit",
    [REASON_STORE] = "store",
    [REASON_UNTRUSTED] = "untrusted",
    [REASON_UNPROVEN] = "unproven",
    [REASON_IMPOSSIBLE] = "impossible",
    [REASON_FRONTENDS] = "frontends",
    [REASON_BANNED] = "banned",
    [REASON_UNPROXIED] = "unproxied",
};

#define NOT_THROUGH_PROXY "421 4.7.1 Error: not through a trusted proxy"

/* Of the reasons that are no limit; NULL: cannot be a refusal. */
static const char *const refusals[REASONS] = {
    [REASON_UNTRUSTED] = NOT_THROUGH_PROXY,
    [REASON_UNPROVEN] = NOT_THROUGH_PROXY,
    [REASON_IMPOSSIBLE] = "421 4.7.1 Error: impossible client address",
    [REASON_FRONTENDS] = "421 4.7.1 Error: not through a frontend of ours",
    [REASON_BANNED] = "421 4.7.1 Error: client host rejected: access denied",
};
static const char *const deferrals[REASONS] = {
    [REASON_STORE] = "451 4.3.0 Error: temporary system problem",
    [REASON_UNPROVEN] =
        "451 4.3.5 Error: no proof of the proxy is possible over inet",
    [REASON_UNPROXIED] = "450 4.7.1 Error: mail has to come through the proxy",
};

#define TOLD(name, word, faces, words) words,
static const char *const default_words[] = {EVENTS_ALL(TOLD)};

#define NO_ACCESS "450 4.7.1 Error: access denied for now to %{key}"

/* Where ban_action is not set, of what is banned by its name. */
static const char *const ban_words[KEY_PARTS] = {
    [KEY_SASL_USERNAME] = "450 4.7.1 Error: your account may not send for now",
    [KEY_SASL_DOMAIN] = "450 4.7.1 Error: your domain may not send for now",
    [KEY_SENDER] = NO_ACCESS,
    [KEY_SENDER_DOMAIN] = NO_ACCESS,
    [KEY_RECIPIENT] = NO_ACCESS,
    [KEY_RECIPIENT_DOMAIN] = NO_ACCESS,
    [KEY_HELO] = NO_ACCESS,
};

/* How the parts of a key are called in a reply. */
static const char *const key_words[KEY_PARTS] = {
    [KEY_CLIENT] = "",
    [KEY_CLIENT_ADDRESS] = "",
    [KEY_SASL_USERNAME] = "login ",
    [KEY_SASL_DOMAIN] = "login domain ",
    [KEY_SENDER] = "sender ",
    [KEY_SENDER_DOMAIN] = "sender domain ",
    [KEY_RECIPIENT] = "recipient ",
    [KEY_RECIPIENT_DOMAIN] = "recipient domain ",
    [KEY_HELO] = "HELO name ",
    [KEY_SERVICE] = "service ",
};

_Static_assert(COUNT(reason_names) == REASONS, "every reason has a name");

const char *verdict_kind_name(enum verdict_kind kind)
{
    return (unsigned)kind < COUNT(kind_names) ? kind_names[kind] : NULL;
}

const char *verdict_reason_name(enum verdict_reason reason)
{
    return (unsigned)reason < REASONS ? reason_names[reason] : NULL;
}

const char *verdict_word(const struct verdict *verdict)
{
    return verdict->is_held ? "hold" : verdict_kind_name(verdict->kind);
}

uint16_t verdict_key(const struct verdict *verdict)
{
    if (verdict->limit != NULL)
        return verdict->limit->key;
    if (verdict->reason != REASON_BANNED || verdict->banned_by == KEY_CLIENT)
        return 0;
    return (uint16_t)(1u << verdict->banned_by);
}

char *verdict_default_action(enum event_kind kind, uint16_t key)
{
    const uint16_t service = 1u << KEY_SERVICE;
    const uint16_t to = 1u << KEY_RECIPIENT | 1u << KEY_RECIPIENT_DOMAIN;
    const char *preposition = "from";

    if ((key & ~(to | service)) == 0 && (key & to) != 0)
        preposition = "to";
    else if (key == service)
        preposition = "at";
    return xprintf("%s %s %%{key}", default_words[kind], preposition);
}

struct reply {
    char *text;
    size_t len; /* below VERDICT_ACTION_SIZE */
};

/* The one way into a reply, so that no control byte gets there. */
static void reply_add(struct reply *reply, char c)
{
    unsigned char byte = (unsigned char)c;
    if (reply->len + 1 < VERDICT_ACTION_SIZE)
        reply->text[reply->len++] = byte < 0x20 || byte == 0x7f ? ' ' : c;
}

static void reply_add_text(struct reply *reply, const char *text)
{
    for (; *text != '\0'; text++)
        reply_add(reply, *text);
}

static void expand_client(const struct verdict *verdict,
    const struct event *event, char value[VALUE_MAX])
{
    log_escape(
        value, VALUE_MAX, event->client_text, strlen(event->client_text));
}

/* As it was said: a reply speaks to the one who said it. */
static const char *key_value(enum key_part part, const struct event *event)
{
    if (part == KEY_CLIENT || part == KEY_CLIENT_ADDRESS)
        return event->client_text;
    return part == KEY_SERVICE ? event->service : event_key_text(event, part);
}

/* Appends to value what of it finds room. */
static void add_key_part(
    char value[VALUE_MAX], const char *word, const char *text)
{
    char escaped[VALUE_MAX];
    size_t used = strlen(value);

    log_escape(escaped, sizeof escaped, text, strlen(text));
    int len = snprintf(value + used, VALUE_MAX - used, "%s%s%s",
        used > 0 ? ", " : "", word, escaped);
    assert(len >= 0);
}

static void expand_key(const struct verdict *verdict, const struct event *event,
    char value[VALUE_MAX])
{
    const unsigned service = 1u << KEY_SERVICE;
    unsigned rest = verdict_key(verdict);

    if (verdict->is_total)
        rest = limit_domain_key((uint16_t)rest);
    value[0] = '\0';
    if (rest != service)
        rest &= ~service;
    if (rest == 0)
        rest = 1u << KEY_CLIENT;
    for (; rest != 0; rest &= rest - 1) {
        enum key_part part = (enum key_part)__builtin_ctz(rest);
        add_key_part(value, key_words[part], key_value(part, event));
    }
}

static void expand_limit(const struct verdict *verdict,
    const struct event *event, char value[VALUE_MAX])
{
    const char *name = verdict->limit->name;
    log_escape(value, VALUE_MAX, name, strlen(name));
}

static void expand_rate(const struct verdict *verdict,
    const struct event *event, char value[VALUE_MAX])
{
    const struct limit *limit = verdict->limit;
    char window[DURATION_TEXT_SIZE] = "";
    if (limit->kind == LIMIT_RATE)
        limit_window_text(limit, verdict->window_ms, window);
    int len = snprintf(value, VALUE_MAX, "%" PRIu32 "%s%s", verdict->allowed,
        window[0] == '\0' ? "" : "/", window);
    assert(len > 0 && len < VALUE_MAX);
}

static void expand_retry_after(const struct verdict *verdict,
    const struct event *event, char value[VALUE_MAX])
{
    int64_t ms = verdict->retry_ms;
    int len = ms == CHARGE_NEVER ? snprintf(value, VALUE_MAX, "never")
                                 : snprintf(value, VALUE_MAX, "%" PRId64,
                                       ms / 1000 + (ms % 1000 > 0));
    assert(len > 0 && len < VALUE_MAX);
}

static const struct expansion {
    const char *text;
    void (*expand)(
        const struct verdict *, const struct event *, char value[VALUE_MAX]);
    bool needs_limit;
} expansions[] = {
    {"%{client}", expand_client, false},
    {"%{key}", expand_key, false},
    {"%{limit}", expand_limit, true},
    {"%{rate}", expand_rate, true},
    {"%{retry_after}", expand_retry_after, false},
};

/* The expansion that text begins with, or NULL. */
static const struct expansion *expansion_at(const char *text)
{
    for (size_t i = 0; i < COUNT(expansions); i++)
        if (strncmp(text, expansions[i].text, strlen(expansions[i].text)) == 0)
            return &expansions[i];
    return NULL;
}

static void reply_expand(struct reply *reply, const char *action,
    const struct verdict *verdict, const struct event *event)
{
    while (*action != '\0') {
        const struct expansion *expansion = expansion_at(action);
        if (expansion == NULL) {
            reply_add(reply, *action++);
            continue;
        }
        char value[VALUE_MAX];
        expansion->expand(verdict, event, value);
        reply_add_text(reply, value);
        action += strlen(expansion->text);
    }
}

/* Into Postfix's log; the client hears nothing of it. */
static void reply_held(struct reply *reply, const struct verdict *verdict,
    const struct event *event)
{
    reply_expand(reply, "HOLD limit %{limit}, %{rate}, %{key}", verdict, event);
}

static void reply_banned(struct reply *reply, const struct verdict *verdict,
    const struct event *event)
{
    bool is_default = verdict->ban_action[0] == '\0';

    reply_expand(reply,
        is_default ? ban_words[verdict->banned_by] : verdict->ban_action,
        verdict, event);
}

char *verdict_action(const struct verdict *verdict, const struct event *event,
    char text[VERDICT_ACTION_SIZE])
{
    struct reply reply = {.text = text};
    switch (verdict->kind) {
    case VERDICT_PASS:
        if (verdict->is_held && verdict->limit != NULL)
            reply_held(&reply, verdict, event);
        else if (verdict->is_held)
            reply_banned(&reply, verdict, event);
        else
            reply_add_text(&reply, "DUNNO");
        break;
    case VERDICT_DEFER:
        assert(deferrals[verdict->reason] != NULL);
        reply_add_text(&reply, deferrals[verdict->reason]);
        break;
    case VERDICT_REFUSE:
        assert(verdict->limit != NULL || refusals[verdict->reason] != NULL);
        if (verdict->limit == NULL && verdict_key(verdict) != 0)
            reply_banned(&reply, verdict, event);
        else if (verdict->limit == NULL)
            reply_add_text(&reply, refusals[verdict->reason]);
        else
            reply_expand(&reply, verdict->limit->action, verdict, event);
        break;
    }
    text[reply.len] = '\0';
    return text;
}

static const char *find_unknown(const char *text, bool has_limit)
{
    const char *open = text;
    while ((open = strstr(open, "%{")) != NULL) {
        const struct expansion *expansion = expansion_at(open);
        if (expansion == NULL || (expansion->needs_limit && !has_limit))
            return open;
        open++;
    }
    return NULL;
}

const char *verdict_action_unknown(const char *text)
{
    return find_unknown(text, true);
}

const char *verdict_ban_action_unknown(const char *text)
{
    return find_unknown(text, false);
}

bool verdict_action_holds(const char *action)
{
    static const char hold[] = "HOLD";
    size_t len = sizeof hold - 1;

    return strncasecmp(action, hold, len) == 0 &&
           (action[len] == '\0' || action[len] == ' ');
}
