/*
 * redis_url.c - takes the `store` option apart.
 *
 * Works on a copy, left to right: scheme, user, host or path, database. No
 * error text repeats the URL, nor any part that could hold a password that
 * was written with an unescaped '@', ':' or '/'.
 */
#include "common/config/redis_url.h"

#include "common/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define HOST_MAX 253 /* RFC 1035 */

enum scheme_kind { SCHEME_TCP, SCHEME_UNIX, SCHEME_LATER };

static const struct scheme {
    const char *name;
    enum scheme_kind kind;
} schemes[] = {
    {"redis", SCHEME_TCP},
    {"redis+unix", SCHEME_UNIX},
    {"rediss", SCHEME_LATER},
    {"redis+sentinel", SCHEME_LATER},
    {"rediss+sentinel", SCHEME_LATER},
    {"redis+cluster", SCHEME_LATER},
    {"rediss+cluster", SCHEME_LATER},
};

#define ALLOWED \
    "allowed: memory:, redis://[user[:password]@]host[:port][/db], " \
    "redis+unix:///path[?db=N]"

static const struct scheme *scheme_find(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strlen(schemes[i].name) == len &&
            memcmp(schemes[i].name, text, len) == 0)
            return &schemes[i];
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In place; false for a broken %XX or one that hides a NUL. */
static bool percent_decode(char *text)
{
    char *out = text;
    while (*text != '\0') {
        if (*text != '%') {
            *out++ = *text++;
            continue;
        }
        int high = hex_value(text[1]);
        int low = high < 0 ? -1 : hex_value(text[2]);
        if (low < 0 || high * 16 + low == 0)
            return false;
        *out++ = (char)(high * 16 + low);
        text += 3;
    }
    *out = '\0';
    return true;
}

static bool number_parse(const char *text, unsigned max, unsigned *value_r)
{
    unsigned value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > max)
            return false;
    }
    *value_r = value;
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
static bool host_parse(char *text, struct redis_url *url, struct error *err)
{
    bool is_bracketed = *text == '[';
    char *end = is_bracketed ? strchr(text, ']') : strchr(text, ':');
    char *port = end;
    if (is_bracketed) {
        text++;
        if (end == NULL)
            return error_set(err, "the store's URL has a '[' without a ']'");
        port = end + 1;
    }
    unsigned number = 6379;
    if (port != NULL && *port != '\0' &&
        (*port != ':' || !number_parse(port + 1, 65535, &number) ||
            number == 0))
        return error_set(err, "the port in the store's URL must be a number, "
                              "1 to 65535; an IPv6 address needs brackets");
    if (end != NULL)
        *end = '\0';
    if (!host_is_valid(text, is_bracketed))
        return error_set(err, "the store's URL names no valid host; in a "
                              "password, '/' is written %%2F and '@' %%40");
    url->host = xstrdup(text);
    url->port = (uint16_t)number;
    return true;
}

/* [user[:pass]@]host[:port][/db] */
static bool tcp_parse(char *text, struct redis_url *url, struct error *err)
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
    if (!host_parse(text, url, err))
        return false;
    if (slash == NULL || slash[1] == '\0')
        return true;
    return db_parse(slash + 1, url, err);
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
    if (scheme == NULL)
        return error_set(err, "the store is unknown; " ALLOWED);
    switch (scheme->kind) {
    case SCHEME_TCP:
        return tcp_parse(rest + 3, url, err);
    case SCHEME_UNIX:
        return unix_parse(rest + 3, url, err);
    case SCHEME_LATER:
        break;
    }
    return error_set(
        err, "%s:// is not in this version; " ALLOWED, scheme->name);
}

bool redis_url_parse(
    const char *text, struct redis_url *url_r, struct error *err)
{
    *url_r = (struct redis_url){.port = 6379};
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

char *redis_url_describe(const struct redis_url *url)
{
    char db[16] = "", port[16] = "";
    bool is_unix = url->unix_path != NULL;
    if (url->db != 0)
        (void)snprintf(db, sizeof db, "%s%u", is_unix ? "?db=" : "/", url->db);
    if (is_unix) {
        char *path = path_encode(url->unix_path);
        char *text = xprintf("redis+unix://%s%s", path, db);
        free(path);
        return text;
    }
    if (url->port != 6379)
        (void)snprintf(port, sizeof port, ":%u", (unsigned)url->port);
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    return xprintf("redis://%s%s%s%s%s", is_ipv6 ? "[" : "", url->host,
        is_ipv6 ? "]" : "", port, db);
}
