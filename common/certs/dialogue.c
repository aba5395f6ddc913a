/*
 * dialogue.c - see dialogue.h.
 *
 * The socket does not block; each wait is for what is left of the time.
 *
 * Source: the PROXY protocol, 2.1 (version 1); RFC 5321, 4.1.3.
 */
#include "common/certs/dialogue.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool wait_for(
    const struct dialogue *dialogue, short events, struct error *err)
{
    struct pollfd ready = {.fd = dialogue->fd, .events = events};
    uint64_t now_ms;

    while ((now_ms = clock_monotonic_ms()) < dialogue->until_ms) {
        int got = poll(&ready, 1, (int)(dialogue->until_ms - now_ms));
        if (got == 1)
            return true;
        if (got == -1 && errno != EINTR)
            return error_set(err, "poll: %s", strerror(errno));
    }
    return error_set(err, "no answer in time");
}

/* True: it may be tried again. */
static bool wait_for_tls(
    const struct dialogue *dialogue, int result, struct error *err)
{
    unsigned long error;

    switch (SSL_get_error(dialogue->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(dialogue, POLLIN, err);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(dialogue, POLLOUT, err);
    case SSL_ERROR_ZERO_RETURN:
        return error_set(err, "the server has hung up");
    default:
        error = ERR_peek_last_error();
        if (error == 0)
            return error_set(err, "the server has hung up");
        return error_set(err, "TLS: %s",
            ERR_reason_error_string(error) != NULL
                ? ERR_reason_error_string(error)
                : "no reason given");
    }
}

static bool connect_to(
    struct dialogue *dialogue, const struct addrinfo *to, struct error *err)
{
    int error = 0;
    socklen_t len = sizeof error;

    dialogue->fd =
        socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dialogue->fd == -1)
        return error_set(err, "%s", strerror(errno));
    if (connect(dialogue->fd, to->ai_addr, to->ai_addrlen) == -1 &&
        errno != EINPROGRESS)
        error = errno;
    else if (!wait_for(dialogue, POLLOUT, err))
        return false;
    else if (getsockopt(dialogue->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
        error = errno;
    return error == 0 || error_set(err, "%s", strerror(error));
}

static bool connect_to_any(struct dialogue *dialogue,
    const struct config_verify_place *place, struct error *err)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *all;
    char port[8];
    bool is_connected = false;

    (void)snprintf(port, sizeof port, "%u", (unsigned)place->port);
    int status = getaddrinfo(place->host, port, &wanted, &all);
    if (status != 0)
        return error_set(err, "%s", gai_strerror(status));
    for (const struct addrinfo *one = all; one != NULL && !is_connected;
         one = one->ai_next) {
        dialogue_end(dialogue);
        is_connected = connect_to(dialogue, one, err);
    }
    freeaddrinfo(all);
    return is_connected;
}

/* One end of the connection; its address and, if wanted, port. */
static bool name_end(int fd,
    int (*ask)(int fd, struct sockaddr *address, socklen_t *len),
    char text_r[64], unsigned *port_r)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } end = {.any = {0}};
    socklen_t len = sizeof end;

    if (ask(fd, &end.any, &len) == -1)
        return false;
    bool is_six = end.any.sa_family == AF_INET6;
    *port_r = ntohs(is_six ? end.six.sin6_port : end.four.sin_port);
    return inet_ntop(end.any.sa_family,
               is_six ? (const void *)&end.six.sin6_addr
                      : (const void *)&end.four.sin_addr,
               text_r, 64) != NULL;
}

/* The two ends as they are: the server sees no other client than it has. */
static bool put_proxy_header(struct dialogue *dialogue, struct error *err)
{
    char own[64], other[64], header[200];
    unsigned own_port, other_port;

    if (!name_end(dialogue->fd, getsockname, own, &own_port) ||
        !name_end(dialogue->fd, getpeername, other, &other_port))
        return error_set(err, "%s", strerror(errno));
    (void)snprintf(header, sizeof header, "PROXY %s %s %s %u %u\r\n",
        strchr(own, ':') != NULL ? "TCP6" : "TCP4", own, other, own_port,
        other_port);
    return dialogue_put(dialogue, header, err);
}

bool dialogue_begin(struct dialogue *dialogue,
    const struct config_verify_place *place, unsigned timeout_ms,
    struct error *err)
{
    *dialogue = (struct dialogue){
        .fd = -1, .until_ms = clock_monotonic_ms() + timeout_ms};
    return connect_to_any(dialogue, place, err) &&
           (!place->sends_proxy || put_proxy_header(dialogue, err));
}

static SSL *make_tls(const struct dialogue_tls *tls)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = NULL;

    if (context == NULL)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_security_level(context, 0);
    if (SSL_CTX_set1_sigalgs_list(context, tls->algorithms) == 1)
        ssl = SSL_new(context);
    SSL_CTX_free(context);
    if (ssl == NULL || tls->name == NULL ||
        SSL_set_tlsext_host_name(ssl, tls->name) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

bool dialogue_start_tls(struct dialogue *dialogue,
    const struct dialogue_tls *tls, struct error *err)
{
    int result;

    dialogue->len = 0;
    dialogue->ssl = make_tls(tls);
    if (dialogue->ssl == NULL || SSL_set_fd(dialogue->ssl, dialogue->fd) != 1)
        return error_set(err, "TLS cannot be set up");
    do {
        ERR_clear_error();
        result = SSL_connect(dialogue->ssl);
    } while (result != 1 && wait_for_tls(dialogue, result, err));
    return result == 1;
}

/* At least one byte. */
static bool put_some(struct dialogue *dialogue, const char *text, size_t len,
    size_t *done_r, struct error *err)
{
    for (;;) {
        ERR_clear_error();
        if (dialogue->ssl != NULL) {
            int done = SSL_write(dialogue->ssl, text, (int)len);
            *done_r = (size_t)(done > 0 ? done : 0);
            if (done > 0)
                return true;
            if (!wait_for_tls(dialogue, done, err))
                return false;
            continue;
        }
        ssize_t done = send(dialogue->fd, text, len, MSG_NOSIGNAL);
        *done_r = (size_t)(done > 0 ? done : 0);
        if (done > 0)
            return true;
        if (errno != EAGAIN && errno != EINTR)
            return error_set(err, "%s", strerror(errno));
        if (!wait_for(dialogue, POLLOUT, err))
            return false;
    }
}

bool dialogue_put(
    struct dialogue *dialogue, const char *text, struct error *err)
{
    size_t len = strlen(text), done;

    for (; len > 0; text += done, len -= done)
        if (!put_some(dialogue, text, len, &done, err))
            return false;
    return true;
}

/* At least one byte more in the buffer, which has room. */
static bool get_some(struct dialogue *dialogue, struct error *err)
{
    char *to = dialogue->buffer + dialogue->len;
    size_t room = sizeof dialogue->buffer - dialogue->len;

    for (;;) {
        ERR_clear_error();
        ssize_t got = dialogue->ssl != NULL
                          ? SSL_read(dialogue->ssl, to, (int)room)
                          : recv(dialogue->fd, to, room, 0);
        if (got > 0) {
            dialogue->len += (size_t)got;
            return true;
        }
        if (dialogue->ssl != NULL) {
            if (!wait_for_tls(dialogue, (int)got, err))
                return false;
            continue;
        }
        if (got == 0)
            return error_set(err, "the server has hung up");
        if (errno != EAGAIN && errno != EINTR)
            return error_set(err, "%s", strerror(errno));
        if (!wait_for(dialogue, POLLIN, err))
            return false;
    }
}

bool dialogue_get_line(struct dialogue *dialogue,
    char line_r[DIALOGUE_LINE_MAX], struct error *err)
{
    const char *end;

    while ((end = memchr(dialogue->buffer, '\n', dialogue->len)) == NULL) {
        if (dialogue->len == sizeof dialogue->buffer)
            return error_set(err, "the server's line is too long");
        if (!get_some(dialogue, err))
            return false;
    }
    size_t len = (size_t)(end - dialogue->buffer), used = len + 1;
    if (len > 0 && dialogue->buffer[len - 1] == '\r')
        len--;
    memcpy(line_r, dialogue->buffer, len);
    line_r[len] = '\0';
    dialogue->len -= used;
    memmove(dialogue->buffer, dialogue->buffer + used, dialogue->len);
    return true;
}

const char *dialogue_own_address(
    const struct dialogue *dialogue, char text_r[64])
{
    char address[64];
    unsigned ignored;

    if (!name_end(dialogue->fd, getsockname, address, &ignored))
        return "127.0.0.1";
    (void)snprintf(text_r, 64, "%s%.56s",
        strchr(address, ':') != NULL ? "IPv6:" : "", address);
    return text_r;
}

void dialogue_end(struct dialogue *dialogue)
{
    SSL_free(dialogue->ssl);
    if (dialogue->fd != -1)
        close(dialogue->fd);
    dialogue->ssl = NULL;
    dialogue->fd = -1;
}
