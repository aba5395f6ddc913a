/*
 * option_key.c - the key and the event of a limit: words, of which "client" and
 * "networks" can have the lengths of the networks that are counted together.
 *
 * One length up to 32 is IPv4's, a larger one IPv6's, so that "client/24" and
 * "client/48" need no second word; of two the first is IPv4's. A length that is
 * not given is that of client_ipv4_prefix_length or client_ipv6_prefix_length.
 */
#include "common/config/option_value.h"

#include "common/base/alloc.h"
#include "common/base/decimal.h"
#include "common/config/limit_section.h"

#include <assert.h>
#include <string.h>

#define IPV4_MAX 32
#define IPV6_MAX 128

/* "24"; the place behind it, or NULL: no number, or one above max. */
static const char *length_read(const char *text, uint64_t max, unsigned *length)
{
    uint64_t number;

    if (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
        return NULL;
    if (!decimal_read(&text, max, &number))
        return NULL;
    *length = (unsigned)number;
    return text;
}

/* What follows the word, and its slash. */
static bool lengths_parse(const char *text, uint8_t *ipv4_r, uint8_t *ipv6_r)
{
    unsigned first, second;
    const char *end = length_read(text, IPV6_MAX, &first);

    if (end == NULL || (*end != '\0' && *end != '/'))
        return false;
    if (*end == '\0') {
        *(first <= IPV4_MAX ? ipv4_r : ipv6_r) = (uint8_t)(1 + first);
        return true;
    }
    end = length_read(end + 1, IPV6_MAX, &second);
    if (end == NULL || *end != '\0' || first > IPV4_MAX)
        return false;
    *ipv4_r = (uint8_t)(1 + first);
    *ipv6_r = (uint8_t)(1 + second);
    return true;
}

/* word: the one that has lengths. */
static bool word_read(const struct option *option, const char *word,
    const char *text, char **canonical_r, struct error *err)
{
    size_t len = strlen(word);
    uint8_t ipv4, ipv6;

    if (strchr(text, '/') == NULL)
        return option_word_read(option, text, canonical_r, err);
    if (strncmp(text, word, len) != 0 || text[len] != '/')
        return error_set(err,
            "\"%s\": only %s has a length; allowed: as in %s/24", text, word,
            word);
    if (!lengths_parse(text + len + 1, &ipv4, &ipv6))
        return error_set(err,
            "\"%s\": no such length; allowed: %s/0 to %s/32 of IPv4, "
            "%s/33 to %s/128 of IPv6, or both, as in %s/24/48",
            text, word, word, word, word, word);
    *canonical_r = xstrdup(text);
    return true;
}

/* The word's place among the option's; its lengths, where it has any. */
static unsigned word_take(const struct option *option, const char *text,
    uint8_t *ipv4_r, uint8_t *ipv6_r)
{
    const char *slash = strchr(text, '/');
    char word[32] = "";

    if (slash == NULL)
        return option_word_index(option, text);
    bool is_good = lengths_parse(slash + 1, ipv4_r, ipv6_r);
    assert(is_good && (size_t)(slash - text) < sizeof word);
    memcpy(word, text, (size_t)(slash - text));
    return option_word_index(option, word);
}

static bool key_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    return word_read(option, "client", text, canonical_r, err);
}

static void key_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    struct limit_section_key *key = field;

    for (size_t i = 0; i < count; i++) {
        unsigned part = word_take(option, items[i], &key->ipv4, &key->ipv6);
        key->is_client_twice =
            key->is_client_twice ||
            (part == KEY_CLIENT && (key->parts & 1u << part) != 0);
        key->parts = (uint16_t)(key->parts | 1u << part);
    }
}

static bool event_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    return word_read(option, "networks", text, canonical_r, err);
}

static void event_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    struct limit_section_event *event = field;

    if (count > 0)
        event->kind = (enum event_kind)word_take(
            option, items[0], &event->ipv4, &event->ipv6);
}

const struct option_value option_key = {key_read, key_store, NULL};
const struct option_value option_event = {event_read, event_store, NULL};
