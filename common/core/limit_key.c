/*
 * limit_key.c - whose counter it is, in the words of tollgatectl.
 *
 * For people and log readers; the store has limit_subject's text. The client
 * stands first and the service last: a text that begins with "client:" and
 * has no other part than "service:" is a client's own counter, and no part
 * that a stranger chooses can look like one.
 */
#include "common/core/limit.h"

#include <stdio.h>
#include <string.h>

/* Long enough for a login, short enough for several in one line. */
#define VALUE_SIZE 96

/* Of a longer text the end, where the domain stands. */
static const char *end_of(const char *text)
{
    size_t len = strlen(text);

    return len < VALUE_SIZE ? text : text + len - (VALUE_SIZE - 1);
}

static const char *part_value(enum key_part part, const struct event *event,
    const char *service_title, struct limit_prefixes prefixes,
    char text[MAILBOX_SIZE])
{
    struct cidr net = event->client;

    if (part == KEY_SERVICE)
        return end_of(service_title);
    if (part != KEY_CLIENT && part != KEY_CLIENT_ADDRESS)
        return end_of(limit_part_text(event, part, prefixes, text));
    if (event->is_unproxied)
        return "unproxied";
    if (part == KEY_CLIENT)
        net = limit_client_net(&net, prefixes);
    if (net.prefix_length == address_bits(&net.net))
        return address_format(&net.net, text);
    return cidr_format(&net, text);
}

char *limit_key_text(uint16_t key, const struct event *event,
    const char *service_title, struct limit_prefixes prefixes,
    char text[LIMIT_KEY_TEXT_SIZE])
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned rest = key; rest != 0; rest &= rest - 1) {
        enum key_part part = (enum key_part)__builtin_ctz(rest);
        char value[MAILBOX_SIZE];
        int len = snprintf(text + used, LIMIT_KEY_TEXT_SIZE - used, "%s%s:%s",
            used > 0 ? "," : "", key_part_word(part),
            part_value(part, event, service_title, prefixes, value));
        if (len < 0 || (size_t)len >= LIMIT_KEY_TEXT_SIZE - used)
            break;
        used += (size_t)len;
    }
    return text;
}
