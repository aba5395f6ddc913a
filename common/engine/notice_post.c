/*
 * notice_post.c - see notice_post.h.
 *
 * One request and the first line of its reply: a 2xx is all that is to be
 * known. The rest is not read.
 */
#include "common/engine/notice_post.h"

#include "common/base/alloc.h"
#include "common/redis/tls.h"

#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STATUS_LINE_MAX 512

struct link {
    int fd;
    struct redis_tls *tls; /* NULL: plain */
    SSL *ssl;
};

static void set_timeout(int fd, int which, time_t s)
{
    const struct timeval span = {.tv_sec = s};

    (void)setsockopt(fd, SOL_SOCKET, which, &span, sizeof span);
}

/* connect(2) says EINPROGRESS where SO_SNDTIMEO has ended it, reads and writes
 * say EAGAIN. */
static bool fail(const char *doing, struct error *err)
{
    return error_set(err, "%s: %s", doing,
        errno == EINPROGRESS || errno == EAGAIN ? "timed out"
                                                : strerror(errno));
}

static bool dial_one(
    struct link *link, const struct addrinfo *address, struct error *err)
{
    link->fd = socket(
        address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, address->ai_protocol);
    if (link->fd == -1)
        return fail("socket", err);
    set_timeout(link->fd, SO_SNDTIMEO, NOTICE_POST_CONNECT_S);
    set_timeout(link->fd, SO_RCVTIMEO, NOTICE_POST_WAIT_S);
    if (connect(link->fd, address->ai_addr, address->ai_addrlen) == 0)
        return true;
    (void)fail("connect", err);
    close(link->fd);
    link->fd = -1;
    return false;
}

static bool dial(
    struct link *link, const struct http_url *url, struct error *err)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    bool is_up = false;
    int status = getaddrinfo(url->host, url->port, &hints, &found);

    if (status != 0)
        return error_set(err, "host: %s", gai_strerror(status));
    for (const struct addrinfo *it = found; it != NULL && !is_up;
         it = it->ai_next)
        is_up = dial_one(link, it, err);
    freeaddrinfo(found);
    return is_up;
}

static bool fail_tls(const struct link *link, struct error *err)
{
    long verdict = SSL_get_verify_result(link->ssl);
    const char *reason = ERR_reason_error_string(ERR_get_error());

    if (verdict != X509_V_OK)
        return error_set(err, "TLS: the server's certificate: %s",
            X509_verify_cert_error_string(verdict));
    return error_set(err, "TLS: %s", reason != NULL ? reason : "broken off");
}

static bool shake_hands(
    struct link *link, const struct http_url *url, struct error *err)
{
    static const struct redis_tls_files system_cas = {"", "", "", ""};

    link->tls = redis_tls_new(&system_cas, err);
    if (link->tls == NULL)
        return false;
    link->ssl = redis_tls_link(link->tls, url->host);
    if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1)
        abort();
    return SSL_connect(link->ssl) == 1 || fail_tls(link, err);
}

static void hang_up(struct link *link)
{
    if (link->ssl != NULL)
        (void)SSL_shutdown(link->ssl);
    SSL_free(link->ssl);
    redis_tls_free(&link->tls);
    if (link->fd != -1)
        close(link->fd);
}

static bool send_all(
    const struct link *link, const char *text, struct error *err)
{
    size_t len = strlen(text);

    while (link->ssl == NULL && len > 0) {
        ssize_t sent = write(link->fd, text, len);
        if (sent == -1)
            return fail("send", err);
        text += sent;
        len -= (size_t)sent;
    }
    return link->ssl == NULL || SSL_write(link->ssl, text, (int)len) > 0 ||
           error_set(err, "TLS: broken off");
}

/* "Authorization: ..." with its line's end, or "". */
static void write_authorization(const char *credentials, char out[400])
{
    static const char begin[] = "Authorization: Basic ";
    char *at = out + sizeof begin - 1;

    out[0] = '\0';
    if (credentials[0] == '\0')
        return;
    memcpy(out, begin, sizeof begin - 1);
    at += EVP_EncodeBlock((unsigned char *)at,
        (const unsigned char *)credentials, (int)strlen(credentials));
    memcpy(at, "\r\n", sizeof "\r\n");
}

static char *request_of(const struct http_url *url, const char *body)
{
    char authorization[400]; /* 4/3 of the credentials, and the words */

    _Static_assert(
        sizeof url->credentials / 3 * 4 + 40 < sizeof authorization, "it fits");
    write_authorization(url->credentials, authorization);
    return xprintf("POST %s%s HTTP/1.1\r\nHost: %.*s\r\n%s"
                   "User-Agent: tollgate/" PACKAGE_VERSION "\r\n"
                   "Content-Type: application/json\r\n"
                   "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
        url->path[0] == '/' ? "" : "/", url->path, url->authority_len,
        url->authority, authorization, strlen(body), body);
}

static ssize_t receive(const struct link *link, char *out, size_t size)
{
    return link->ssl != NULL ? SSL_read(link->ssl, out, (int)size)
                             : read(link->fd, out, size);
}

static bool read_status(
    const struct link *link, unsigned *status_r, struct error *err)
{
    char line[STATUS_LINE_MAX];
    size_t len = 0;
    ssize_t got;

    errno = 0;
    while (len < sizeof line - 1 && memchr(line, '\n', len) == NULL &&
           (got = receive(link, line + len, sizeof line - 1 - len)) > 0)
        len += (size_t)got;
    line[len] = '\0';
    if (sscanf(line, "HTTP/1.%*1[01] %3u", status_r) == 1)
        return true;
    if (errno == EAGAIN)
        return error_set(err, "no reply within %d seconds", NOTICE_POST_WAIT_S);
    return error_set(err, len == 0 ? "no reply" : "no reply of HTTP/1.1");
}

static bool ask(const struct link *link, const struct http_url *url,
    const char *body, struct error *err)
{
    char *request = request_of(url, body);
    unsigned status;
    bool is_answered =
        send_all(link, request, err) && read_status(link, &status, err);

    free(request);
    return is_answered &&
           (status / 100 == 2 || error_set(err, "HTTP status %u", status));
}

bool notice_post(
    const struct http_url *url, const char *body, struct error *err)
{
    struct link link = {.fd = -1};

    (void)signal(SIGPIPE, SIG_IGN);
    bool is_told = dial(&link, url, err) &&
                   (!url->is_tls || shake_hands(&link, url, err)) &&
                   ask(&link, url, body, err);
    hang_up(&link);
    return is_told;
}
