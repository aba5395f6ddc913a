/*
 * http_url.c - see http_url.h.
 */
#include "common/base/http_url.h"

#include "common/base/decimal.h"
#include "common/base/percent.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 253 /* RFC 1035 */

static const struct scheme {
    const char *begin;
    bool is_tls;
    uint16_t port;
} schemes[] = {
    {"https://", true, 443},
    {"http://", false, 80},
};

static const struct scheme *scheme_of(const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(text, schemes[i].begin, strlen(schemes[i].begin)) == 0)
            return &schemes[i];
    return NULL;
}

bool http_url_is(const char *text)
{
    return scheme_of(text) != NULL;
}

/* Of what it goes into, a request line, nothing can end it. */
static bool is_one_word(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~' || *text == '#')
            return false;
    return true;
}

/* len bytes, of which none is left over in out. */
static bool take(char *out, size_t size, const char *from, size_t len)
{
    if (len >= size)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

static bool take_credentials(struct http_url *url, const char *from, size_t len)
{
    size_t room = sizeof url->credentials - 1;

    if (!take(url->credentials, room, from, len) ||
        !percent_decode(url->credentials))
        return false;
    if (strchr(url->credentials, ':') == NULL)
        memcpy(url->credentials + strlen(url->credentials), ":", sizeof ":");
    return true;
}

static bool is_name(const char *host)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    return host[0] != '\0' && strlen(host) <= HOST_MAX &&
           host[strspn(host, letters)] == '\0';
}

/* Of "host", "host:port", "[address]" or "[address]:port". */
static bool take_host(struct http_url *url, const char *from, size_t len)
{
    struct in6_addr address;
    bool is_address = len > 0 && from[0] == '[';
    const char *end = is_address ? memchr(from, ']', len) : NULL;
    size_t host_len = is_address ? 0 : strcspn(from, ":/?");

    if (is_address && end != NULL)
        host_len = (size_t)(end - from) - 1;
    if (host_len > len ||
        !take(url->host, sizeof url->host, from + is_address, host_len))
        return false;
    return is_address ? inet_pton(AF_INET6, url->host, &address) == 1
                      : is_name(url->host);
}

/* What follows the host. */
static bool take_port(
    struct http_url *url, const char *from, const char *end, uint16_t port)
{
    uint64_t given = port;

    if (from != end &&
        (*from++ != ':' || !decimal_read(&from, UINT16_MAX, &given) ||
            from != end || given == 0))
        return false;
    (void)snprintf(url->port, sizeof url->port, "%u", (unsigned)given);
    return true;
}

static bool take_authority(
    struct http_url *url, const struct scheme *scheme, struct error *err)
{
    const char *from = url->authority, *end = from + url->authority_len;
    bool is_address = *from == '[';
    const char *host_end;

    if (!take_host(url, from, (size_t)url->authority_len))
        return error_set(err, "no host in the URL that could be one");
    host_end = from + strlen(url->host) + 2 * is_address;
    return take_port(url, host_end, end, scheme->port) ||
           error_set(err, "no port in the URL that could be one");
}

bool http_url_parse(const char *text, struct http_url *url, struct error *err)
{
    const struct scheme *scheme = scheme_of(text);

    *url = (struct http_url){.is_tls = scheme != NULL && scheme->is_tls};
    if (scheme == NULL)
        return error_set(err, "no URL; allowed: http://..., https://...");
    if (strlen(text) > HTTP_URL_MAX || !is_one_word(text))
        return error_set(err,
            "malformed URL; allowed: at most %d printable "
            "ASCII characters, no blank and no \"#\"",
            HTTP_URL_MAX);
    url->authority = text + strlen(scheme->begin);
    size_t len = strcspn(url->authority, "/?");
    url->path = url->authority + len;
    const char *at = memrchr(url->authority, '@', len);
    if (at != NULL &&
        !take_credentials(url, url->authority, (size_t)(at - url->authority)))
        return error_set(err, "malformed user or password in the URL");
    if (at != NULL)
        url->authority = at + 1;
    url->authority_len = (int)(url->path - url->authority);
    if (!take_authority(url, scheme, err))
        return false;
    (void)snprintf(url->origin, sizeof url->origin, "%s%.*s", scheme->begin,
        url->authority_len, url->authority);
    return true;
}
