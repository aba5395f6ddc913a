/*
 * redis_url.c - takes the `store` option apart.
 *
 * Works on a copy, left to right: scheme, user, host or path, database. No
 * error text repeats the URL, nor any part that could hold a password that
 * was written with an unescaped '@', ':' or '/'.
 */
#include "common/config/redis_url.h"

#include "common/base/alloc.h"
#include "common/base/decimal.h"
#include "common/base/percent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define HOST_MAX 253 /* RFC 1035 */

enum place { PLACE_HOST, PLACE_UNIX, PLACE_HOSTS };

/* describe() takes the first that fits. */
static const struct scheme {
    const char *name;
    enum place place;
    enum redis_kind kind;
    bool is_tls;
    uint16_t port;
} schemes[] = {
    {"redis", PLACE_HOST, REDIS_SERVER, false, 6379},
    {"rediss", PLACE_HOST, REDIS_SERVER, true, 6379},
    {"redis+unix", PLACE_UNIX, REDIS_SERVER, false, 6379},
    {"redis+sentinel", PLACE_HOSTS, REDIS_SENTINEL, false, 26379},
    {"rediss+sentinel", PLACE_HOSTS, REDIS_SENTINEL, true, 26379},
    {"redis+cluster", PLACE_HOSTS, REDIS_CLUSTER, false, 6379},
    {"rediss+cluster", PLACE_HOSTS, REDIS_CLUSTER, true, 6379},
};

#define ALLOWED \
    "allowed: memory:, redis://[user[:password]@]host[:port][/db], " \
    "redis+unix:///path[?db=N], " \
    "redis+sentinel://[user[:password]@]host[:port],host/NAME[/db], " \
    "redis+cluster://[user[:password]@]host[:port],host; rediss for TLS"

static const struct scheme *scheme_find(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strlen(schemes[i].name) == len &&
            memcmp(schemes[i].name, text, len) == 0)
            return &schemes[i];
    return NULL;
}

static bool number_parse(const char *text, unsigned max, unsigned *value_r)
{
    uint64_t value;
    if (!decimal_read(&text, max, &value) || *text != '\0')
        return false;
    *value_r = (unsigned)value;
    return true;
}

static bool db_parse(const char *text, struct redis_url *url, struct error *err)
{
    if (!number_parse(text, 65535, &url->db))
        return error_set(err, "the database in the store's URL must be a "
                              "number, 0 to 65535");
    return true;
}

static bool user_parse(char *text, struct redis_url *url, struct error *err)
{
    char *colon = strchr(text, ':');
    if (colon != NULL)
        *colon = '\0';
    if (!percent_decode(text) || (colon != NULL && !percent_decode(colon + 1)))
        return error_set(err, "the store's URL has a broken %%XX in its user "
                              "or password");
    if (*text != '\0')
        url->username = xstrdup(text);
    if (colon != NULL && colon[1] != '\0')
        url->password = xstrdup(colon + 1);
    return true;
}

static bool host_is_valid(const char *host, bool is_bracketed)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char ipv6[] = "0123456789abcdefABCDEF:.";
    size_t len = strlen(host);
    return len > 0 && len <= HOST_MAX &&
           strspn(host, is_bracketed ? ipv6 : name) == len;
}

/* "host", "host:6379", "[2001:db8::1]:6379" */
static bool host_parse(
    char *text, uint16_t port, struct redis_host *host_r, struct error *err)
{
    bool is_bracketed = *text == '[';
    char *end = is_bracketed ? strchr(text, ']') : strchr(text, ':');
    char *colon = end;
    if (is_bracketed) {
        text++;
        if (end == NULL)
            return error_set(err, "the store's URL has a '[' without a ']'");
        colon = end + 1;
    }
    unsigned number = port;
    if (colon != NULL && *colon != '\0' &&
        (*colon != ':' || !number_parse(colon + 1, 65535, &number) ||
            number == 0))
        return error_set(err, "the port in the store's URL must be a number, "
                              "1 to 65535; an IPv6 address needs brackets");
    if (end != NULL)
        *end = '\0';
    if (!host_is_valid(text, is_bracketed))
        return error_set(err, "the store's URL names no valid host; in a "
                              "password, '/' is written %%2F and '@' %%40");
    host_r->name = xstrdup(text);
    host_r->port = (uint16_t)number;
    return true;
}

/* "host,host:6380" */
static bool hosts_parse(
    char *text, uint16_t port, struct redis_url *url, struct error *err)
{
    url->hosts = xcalloc(REDIS_HOSTS_MAX, sizeof *url->hosts);
    for (char *next = text; next != NULL;) {
        text = next;
        next = strchr(text, ',');
        if (next != NULL)
            *next++ = '\0';
        if (url->host_count == REDIS_HOSTS_MAX)
            return error_set(err, "the store's URL names more than %d hosts",
                REDIS_HOSTS_MAX);
        if (!host_parse(text, port, &url->hosts[url->host_count], err))
            return false;
        url->host_count++;
    }
    return true;
}

/* What follows the hosts: "NAME[/db]" */
static bool master_parse(char *text, struct redis_url *url, struct error *err)
{
    char *slash = text == NULL ? NULL : strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    if (text == NULL || *text == '\0' || !percent_decode(text))
        return error_set(err, "the store's URL names no master; "
                              "redis+sentinel://host,host/NAME");
    url->master_name = xstrdup(text);
    if (slash == NULL || slash[1] == '\0')
        return true;
    return db_parse(slash + 1, url, err);
}

static bool after_hosts_parse(
    char *text, struct redis_url *url, struct error *err)
{
    if (url->kind == REDIS_SENTINEL)
        return master_parse(text, url, err);
    if (text == NULL || *text == '\0')
        return true;
    if (!db_parse(text, url, err))
        return false;
    return url->kind == REDIS_SERVER || url->db == 0 ||
           error_set(err, "a Redis Cluster has no database but 0");
}

/* [user[:pass]@]host[:port][,host...][/...] */
static bool tcp_parse(char *text, const struct scheme *scheme,
    struct redis_url *url, struct error *err)
{
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    char *at = strrchr(text, '@');
    if (at != NULL) {
        *at = '\0';
        if (!user_parse(text, url, err))
            return false;
        text = at + 1;
    }
    struct redis_host host = {0};
    bool ok = scheme->place == PLACE_HOSTS
                  ? hosts_parse(text, scheme->port, url, err)
                  : host_parse(text, scheme->port, &host, err);
    url->host = host.name;
    url->port = host.port;
    return ok && after_hosts_parse(slash == NULL ? NULL : slash + 1, url, err);
}

/* /path[?db=N] */
static bool unix_parse(char *text, struct redis_url *url, struct error *err)
{
    if (*text != '/')
        return error_set(err, "redis+unix needs an absolute path after its "
                              "//; a password goes into store_password");
    char *query = strchr(text, '?');
    if (query != NULL) {
        *query++ = '\0';
        if (strncmp(query, "db=", 3) != 0)
            return error_set(err, "after the '?' of redis+unix only db=N is "
                                  "allowed");
        if (!db_parse(query + 3, url, err))
            return false;
    }
    if (!percent_decode(text))
        return error_set(err, "the store's URL has a broken %%XX in its path");
    if (strlen(text) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return error_set(err, "the store's socket path is too long");
    url->unix_path = xstrdup(text);
    return true;
}

static bool scheme_parse(char *text, struct redis_url *url, struct error *err)
{
    char *rest = strstr(text, "://");
    const struct scheme *scheme =
        rest == NULL ? NULL : scheme_find(text, (size_t)(rest - text));
    if (strncmp(text, "rediss+unix:", strlen("rediss+unix:")) == 0)
        return error_set(err, "Redis speaks no TLS on a unix socket; use "
                              "redis+unix://");
    if (scheme == NULL)
        return error_set(err, "the store is unknown; " ALLOWED);
    url->kind = scheme->kind;
    url->is_tls = scheme->is_tls;
    return scheme->place == PLACE_UNIX ? unix_parse(rest + 3, url, err)
                                       : tcp_parse(rest + 3, scheme, url, err);
}

bool redis_url_parse(
    const char *text, struct redis_url *url_r, struct error *err)
{
    *url_r = (struct redis_url){0};
    char *copy = xstrdup(text);
    bool ok = scheme_parse(copy, url_r, err);
    explicit_bzero(copy, strlen(text));
    free(copy);
    if (!ok)
        redis_url_clear(url_r);
    return ok;
}

void redis_url_clear(struct redis_url *url)
{
    for (size_t i = 0; i < url->host_count; i++)
        free(url->hosts[i].name);
    free(url->hosts);
    free(url->master_name);
    free(url->unix_path);
    free(url->host);
    free(url->username);
    if (url->password != NULL)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    *url = (struct redis_url){0};
}

/* What percent_decode took away, put back. Caller frees. */
static char *path_encode(const char *path)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = xcalloc(strlen(path) * 3 + 1, 1);
    char *out = encoded;
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        if (c > ' ' && c < 0x7f && c != '%' && c != '?') {
            *out++ = *path;
            continue;
        }
        *out++ = '%';
        *out++ = digits[c >> 4];
        *out++ = digits[c & 0xf];
    }
    return encoded;
}

static char *host_describe(const char *name, uint16_t port, uint16_t usual)
{
    char number[16] = "";
    bool is_ipv6 = strchr(name, ':') != NULL;
    if (port != usual)
        (void)snprintf(number, sizeof number, ":%u", (unsigned)port);
    return xprintf(
        "%s%s%s%s", is_ipv6 ? "[" : "", name, is_ipv6 ? "]" : "", number);
}

/* Caller frees. */
static char *hosts_describe(const struct redis_url *url, uint16_t usual)
{
    char *text = xstrdup("");
    for (size_t i = 0; i < url->host_count; i++) {
        char *host =
            host_describe(url->hosts[i].name, url->hosts[i].port, usual);
        char *longer = xprintf("%s%s%s", text, i == 0 ? "" : ",", host);
        free(host);
        free(text);
        text = longer;
    }
    return text;
}

static char *place_describe(
    const struct redis_url *url, const struct scheme *scheme)
{
    switch (scheme->place) {
    case PLACE_UNIX:
        return path_encode(url->unix_path);
    case PLACE_HOSTS:
        return hosts_describe(url, scheme->port);
    case PLACE_HOST:
        break;
    }
    return host_describe(url->host, url->port, scheme->port);
}

static const struct scheme *scheme_of(const struct redis_url *url)
{
    const struct scheme *scheme = schemes;
    while (scheme->kind != url->kind || scheme->is_tls != url->is_tls ||
           (scheme->place == PLACE_UNIX) != (url->unix_path != NULL))
        scheme++;
    return scheme;
}

char *redis_url_describe(const struct redis_url *url)
{
    const struct scheme *scheme = scheme_of(url);
    char db[16] = "";
    if (url->db != 0)
        (void)snprintf(db, sizeof db, "%s%u",
            scheme->place == PLACE_UNIX ? "?db=" : "/", url->db);
    char *place = place_describe(url, scheme);
    char *master =
        url->master_name == NULL ? xstrdup("") : path_encode(url->master_name);
    char *text = xprintf("%s://%s%s%s%s", scheme->name, place,
        *master == '\0' ? "" : "/", master, db);
    free(master);
    free(place);
    return text;
}
