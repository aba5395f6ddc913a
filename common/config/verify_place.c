/*
 * verify_place.c - see verify_place.h. Pure: a name is looked up by the
 * process that goes there.
 */
#include "common/config/verify_place.h"

#include "common/base/alloc.h"
#include "common/config/option_checks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED \
    "allowed: HOST:PORT (STARTTLS), tls:HOST:PORT, proxy:HOST:PORT, " \
    "proxy:tls:HOST:PORT, with [2001:db8::1] for an IPv6 address"

#define HOST_MAX 253

static bool skip_word(const char **text, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*text, word, len) != 0)
        return false;
    *text += len;
    return true;
}

/* "mail.example.com", and no number, which would be half an address. */
static bool is_name(const char *text, size_t len)
{
    bool has_letter = false;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        has_letter = has_letter || isalpha(byte) != 0;
        if (isalnum(byte) == 0 && strchr("-_.", byte) == NULL)
            return false;
    }
    return has_letter && len <= HOST_MAX;
}

static bool take_name(const char *text, struct config_verify_place *place)
{
    const char *colon = strrchr(text, ':');

    if (colon == NULL || !is_name(text, (size_t)(colon - text)) ||
        !option_parse_port(colon + 1, &place->port))
        return false;
    place->host = xprintf("%.*s", (int)(colon - text), text);
    return true;
}

bool verify_place_parse(
    const char *text, struct config_verify_place *place_r, struct error *err)
{
    const char *at = text;
    struct error ignored;

    *place_r = (struct config_verify_place){0};
    place_r->sends_proxy = skip_word(&at, "proxy:");
    place_r->is_wrapped = skip_word(&at, "tls:");
    if (!option_split_address(at, &place_r->host, &place_r->port, &ignored) &&
        !take_name(at, place_r))
        return error_set(err, "\"%s\" is no such place; " ALLOWED, text);
    place_r->text = xstrdup(text);
    return true;
}

void verify_place_clear(struct config_verify_place *place)
{
    free(place->text);
    free(place->host);
    *place = (struct config_verify_place){0};
}

bool option_check_verify(const char *text, struct error *err)
{
    struct config_verify_place place;

    if (*text == '\0')
        return true;
    if (!verify_place_parse(text, &place, err))
        return false;
    verify_place_clear(&place);
    return true;
}
