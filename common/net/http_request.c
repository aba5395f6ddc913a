/*
 * http_request.c - finds method, path and Host of a request.
 *
 * Strict about that line, because a lenient reader and a proxy in front may
 * read two different requests; what it does not understand is BAD.
 */
#include "common/net/http_request.h"

#include "common/base/address.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char *find(
    const char *bytes, size_t len, const char *what, size_t what_len)
{
    for (size_t i = 0; i + what_len <= len; i++)
        if (memcmp(bytes + i, what, what_len) == 0)
            return bytes + i;
    return NULL;
}

static bool is_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] == 0x7f)
            return false;
    return len > 0;
}

static bool equals(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static enum http_method method_of(const char *text, size_t len)
{
    if (equals(text, len, "GET"))
        return HTTP_METHOD_GET;
    return equals(text, len, "HEAD") ? HTTP_METHOD_HEAD : HTTP_METHOD_OTHER;
}

/* What is too long is "". */
static void copy_text(char *to, size_t size, const char *text, size_t len)
{
    if (len >= size)
        len = 0;
    memcpy(to, text, len);
    to[len] = '\0';
}

static void copy_target(
    struct http_request *request, const char *text, size_t len)
{
    const char *query = memchr(text, '?', len);
    size_t path_len = query != NULL ? (size_t)(query - text) : len;

    copy_text(request->path, sizeof request->path, text, path_len);
    if (query == NULL)
        request->query[0] = '\0';
    else
        copy_text(request->query, sizeof request->query, query + 1,
            len - path_len - 1);
}

/* One Host at the most: two readers of two of them may differ. */
static bool read_host(const char *line, const char *end, char *host)
{
    static const char name[] = "Host:";
    bool is_seen = false;

    host[0] = '\0';
    while (line < end) {
        const char *line_end = find(line, (size_t)(end - line), "\r\n", 2);
        const char *value = line + sizeof name - 1;
        if (line_end >= value &&
            strncasecmp(line, name, sizeof name - 1) == 0) {
            while (value < line_end && (*value == ' ' || *value == '\t'))
                value++;
            size_t len = (size_t)(line_end - value);
            if (is_seen || !is_text(value, len))
                return false;
            is_seen = true;
            copy_text(host, HTTP_HOST_SIZE, value, len);
        }
        line = line_end + 2;
    }
    return true;
}

enum http_parse http_request_parse(
    const char *bytes, size_t len, struct http_request *request_r)
{
    const char *end = find(bytes, len, "\r\n\r\n", 4);
    if (end == NULL)
        return HTTP_PARSE_MORE;

    const char *line_end = find(bytes, len, "\r\n", 2);
    const char *target = memchr(bytes, ' ', (size_t)(line_end - bytes));
    if (target == NULL)
        return HTTP_PARSE_BAD;
    size_t method_len = (size_t)(target - bytes);
    target++;
    const char *version = memchr(target, ' ', (size_t)(line_end - target));
    if (version == NULL)
        return HTTP_PARSE_BAD;
    size_t target_len = (size_t)(version - target);
    version++;
    size_t version_len = (size_t)(line_end - version);
    if (!is_text(bytes, method_len) || !is_text(target, target_len) ||
        !(equals(version, version_len, "HTTP/1.1") ||
            equals(version, version_len, "HTTP/1.0")))
        return HTTP_PARSE_BAD;

    request_r->method = method_of(bytes, method_len);
    copy_target(request_r, target, target_len);
    return read_host(line_end + 2, end + 2, request_r->host) ? HTTP_PARSE_DONE
                                                             : HTTP_PARSE_BAD;
}

static bool is_port(const char *text)
{
    size_t len = strlen(text);

    return len == 0 || (text[0] == ':' && len >= 2 && len <= 6 &&
                           strspn(text + 1, "0123456789") == len - 1);
}

bool http_host_is_ours(const char *host)
{
    static const char local[] = "localhost";
    struct address address;

    if (strncasecmp(host, local, sizeof local - 1) == 0)
        return is_port(host + sizeof local - 1);
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    if (host[0] == '[')
        return end != NULL && is_port(end + 1) &&
               address_parse(host + 1, (size_t)(end - host - 1), &address);
    size_t len = end != NULL ? (size_t)(end - host) : strlen(host);
    return is_port(host + len) && address_parse(host, len, &address);
}
