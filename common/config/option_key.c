/*
 * option_key.c - the key of a limit: words, of which "client" can have the
 * lengths of the networks that are counted together.
 *
 * One length up to 32 is IPv4's, a larger one IPv6's, so that "client/24" and
 * "client/48" need no second word; of two the first is IPv4's. A length that is
 * not given is that of client_ipv4_prefix_length or client_ipv6_prefix_length.
 */
#include "common/config/option_value.h"

#include "common/base/decimal.h"
#include "common/base/memory.h"
#include "common/config/limit_section.h"

#include <assert.h>
#include <string.h>

#define HEAD     "client/"
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

/* What follows "client/". */
static bool lengths_parse(const char *text, struct limit_section_key *key)
{
    unsigned first, second;
    const char *end = length_read(text, IPV6_MAX, &first);

    if (end == NULL || (*end != '\0' && *end != '/'))
        return false;
    if (*end == '\0') {
        if (first <= IPV4_MAX)
            key->ipv4 = (uint8_t)(1 + first);
        else
            key->ipv6 = (uint8_t)(1 + first);
        return true;
    }
    end = length_read(end + 1, IPV6_MAX, &second);
    if (end == NULL || *end != '\0' || first > IPV4_MAX)
        return false;
    key->ipv4 = (uint8_t)(1 + first);
    key->ipv6 = (uint8_t)(1 + second);
    return true;
}

static bool key_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    struct limit_section_key ignored = {0};

    if (strchr(text, '/') == NULL)
        return option_word_read(option, text, canonical_r, err);
    if (strncmp(text, HEAD, strlen(HEAD)) != 0)
        return error_set(err,
            "\"%s\": only client has a length; allowed: as in client/24", text);
    if (!lengths_parse(text + strlen(HEAD), &ignored))
        return error_set(err,
            "\"%s\": no such length; allowed: client/0 to client/32 of IPv4, "
            "client/33 to client/128 of IPv6, or both, as in client/24/48",
            text);
    *canonical_r = xstrdup(text);
    return true;
}

static void key_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    struct limit_section_key *key = field;

    for (size_t i = 0; i < count; i++) {
        bool has_length = strncmp(items[i], HEAD, strlen(HEAD)) == 0;
        unsigned part =
            has_length ? KEY_CLIENT : option_word_index(option, items[i]);
        bool is_good =
            !has_length || lengths_parse(items[i] + strlen(HEAD), key);
        assert(is_good);
        key->is_client_twice =
            key->is_client_twice ||
            (part == KEY_CLIENT && (key->parts & 1u << part) != 0);
        key->parts = (uint16_t)(key->parts | 1u << part);
    }
}

const struct option_value option_key = {key_read, key_store, NULL};
