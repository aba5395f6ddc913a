/*
 * health_http.c - one GET, for images without curl.
 *
 * Reads the status line and no more.
 */
#include "ctl/health.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SCHEME "http://"

struct url {
    char host[256], port[8], path[256];
};

/* "host", "host:port", "[::1]:port". */
static bool authority_parse(const char *text, size_t len, struct url *url_r)
{
    bool is_bracketed = len > 0 && text[0] == '[';
    const char *end =
        is_bracketed ? memchr(text, ']', len) : memchr(text, ':', len);
    const char *host = is_bracketed ? text + 1 : text;

    if (is_bracketed && end == NULL)
        return false;
    size_t host_len = end != NULL ? (size_t)(end - host) : len;
    const char *rest = is_bracketed ? end + 1 : host + host_len;
    size_t rest_len = len - (size_t)(rest - text);
    if (host_len == 0 || host_len >= sizeof url_r->host)
        return false;
    memcpy(url_r->host, host, host_len);
    if (rest_len == 0)
        return snprintf(url_r->port, sizeof url_r->port, "80") > 0;
    if (rest[0] != ':' || rest_len < 2 || rest_len > sizeof url_r->port)
        return false;
    memcpy(url_r->port, rest + 1, rest_len - 1);
    return strspn(url_r->port, "0123456789") == rest_len - 1;
}

static bool url_parse(const char *text, struct url *url_r)
{
    *url_r = (struct url){.path = "/readyz"};
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return false;
    text += strlen(SCHEME);
    size_t len = strcspn(text, "/");
    if (text[len] != '\0' && text[len + 1] != '\0' &&
        snprintf(url_r->path, sizeof url_r->path, "%s", text + len) >=
            (int)sizeof url_r->path)
        return false;
    return strpbrk(url_r->path, " \r\n\t") == NULL &&
           authority_parse(text, len, url_r);
}

static int connect_first(const struct url *url, struct error *err)
{
    const struct timeval patience = {.tv_sec = HEALTH_WAIT_MS / 1000};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int fd = -1;
    int problem = getaddrinfo(url->host, url->port, &hints, &found);

    if (problem != 0) {
        error_set(err, "%s: %s", url->host, gai_strerror(problem));
        return -1;
    }
    for (const struct addrinfo *it = found; it != NULL; it = it->ai_next) {
        fd = socket(it->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd != -1 &&
            setsockopt(
                fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
            setsockopt(
                fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
            connect(fd, it->ai_addr, it->ai_addrlen) == 0)
            break;
        error_set(err, "%s port %s: %s", url->host, url->port, strerror(errno));
        if (fd != -1)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* "HTTP/1.1 200 OK" */
static bool read_status(int fd, struct error *text_r)
{
    char line[128];
    size_t len = 0;

    while (len < sizeof line - 1 && memchr(line, '\n', len) == NULL) {
        ssize_t got = recv(fd, line + len, sizeof line - 1 - len, 0);
        if (got == -1 && errno == EAGAIN)
            return error_set(text_r, "no answer within %d ms", HEALTH_WAIT_MS);
        if (got == -1)
            return error_set(text_r, "%s", strerror(errno));
        if (got == 0)
            break;
        len += (size_t)got;
    }
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    const char *status = strchr(line, ' ');
    if (strncmp(line, "HTTP/1.", 7) != 0 || status == NULL)
        return error_set(text_r, "not an HTTP answer");
    error_set(text_r, "%s", status + 1);
    return strncmp(status, " 200", 4) == 0;
}

bool health_http(const char *text, struct error *text_r)
{
    struct url url;
    char request[600];

    if (!url_parse(text, &url))
        return error_set(
            text_r, "%s: not of the form http://HOST[:PORT][/PATH]", text);
    int fd = connect_first(&url, text_r);
    if (fd == -1)
        return false;
    int len = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", url.path,
        url.host, url.port);
    bool is_sent = send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
    bool is_good = is_sent ? read_status(fd, text_r)
                           : error_set(text_r, "%s", strerror(errno));
    close(fd);
    return is_good;
}
