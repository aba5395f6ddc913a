/*
 * anvil_ident.c - find the colon between service and client.
 *
 * The leftmost colon whose right side is a client is the right one for
 * services without a colon ("smtp:2001:db8::1": "db8::1" would be one too),
 * but not for HOST:PORT: in "10.77.0.1:2502:2001:db8::1" the port would pass
 * for the first group of an address. So a service that begins with "[", an
 * IPv4 address, a name with a dot or "localhost" is read as HOST:PORT first,
 * as master.cf has it. A single-label host other than localhost with a
 * numeric port of at most four digits and an IPv6 client stays ambiguous, and
 * is read as the plain service: still one key per client, only coarser.
 */
#include "policyd/anvil_ident.h"

#include <string.h>

/* Postfix 3.11 asks about no client where its client has gone already, and
 * 3.12 about any:any where it has to do with none. */
static bool parse_client(const char *text, struct cidr *client_r)
{
    struct error ignored;

    if (text[0] == '\0' || strcmp(text, "unknown") == 0 ||
        strcmp(text, "any") == 0) {
        memset(client_r, 0, sizeof *client_r);
        return true;
    }
    return cidr_parse(text, client_r, &ignored);
}

/* The first colon from here on; NULL too where nothing stands before it. */
static const char *next_colon(const char *text)
{
    const char *colon = strchr(text, ':');

    return colon == text ? NULL : colon;
}

/* The colon after HOST:PORT, if the ident begins with such a service. */
static const char *colon_after_port(const char *ident)
{
    const char *host_end = next_colon(ident);

    if (ident[0] == '[') {
        const char *bracket = strchr(ident, ']');
        host_end = bracket != NULL && bracket[1] == ':' ? bracket + 1 : NULL;
    } else if (host_end != NULL) {
        size_t len = (size_t)(host_end - ident);
        bool is_host = memchr(ident, '.', len) != NULL ||
                       (len == strlen("localhost") &&
                           memcmp(ident, "localhost", len) == 0);
        if (!is_host)
            return NULL;
    }
    return host_end == NULL ? NULL : next_colon(host_end + 1);
}

static const char *colon_before_client(const char *ident, struct cidr *client_r)
{
    const char *colon = colon_after_port(ident);

    if (colon != NULL && parse_client(colon + 1, client_r))
        return colon;
    for (colon = next_colon(ident); colon != NULL;
         colon = strchr(colon + 1, ':'))
        if (parse_client(colon + 1, client_r))
            return colon;
    return NULL;
}

bool anvil_ident_split(const char *ident, struct anvil_ident *ident_r)
{
    const char *colon = colon_before_client(ident, &ident_r->client);
    size_t len;

    if (colon == NULL)
        return false;
    len = (size_t)(colon - ident);
    if (len >= sizeof ident_r->service)
        return false;
    memcpy(ident_r->service, ident, len);
    ident_r->service[len] = '\0';
    ident_r->client_text = colon + 1;
    return true;
}
