/*
 * http.c - answers one request a connection and closes it.
 *
 * Not evhttp: that bounds each wait for a byte but not the whole request, and
 * spins when descriptors run out; a metrics port must not be able to cost the
 * mail its descriptors. Here a connection lives VISIT_S seconds at the most,
 * VISITS_MAX of them at once, and accepting is the faces' own acceptor.
 */
#include "common/net/http.h"

#include "common/base/address.h"
#include "common/base/memory.h"
#include "common/config/option_checks.h"
#include "common/net/acceptor.h"
#include "common/net/http_request.h"
#include "common/net/inet_socket.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX   8192
#define VISIT_S    5
#define VISITS_MAX 64

struct visit {
    struct http_server *server;
    struct bufferevent *bev;
    struct event *deadline;
    LIST_ENTRY(visit) link;
};

struct http_server {
    struct event_base *base;
    int fd;
    struct acceptor *acceptor;
    struct http_routes {
        const struct http_route *first;
        void *context;
    } routes, pages;
    bool is_loopback;
    size_t visit_count;
    LIST_HEAD(, visit) visits;
};

static void visit_end(struct visit *visit)
{
    visit->server->visit_count--;
    LIST_REMOVE(visit, link);
    event_free(visit->deadline);
    bufferevent_free(visit->bev);
    free(visit);
}

/* Answering */

static const char *reason_phrase(int code)
{
    static const struct {
        int code;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {421, "Misdirected Request"},
        {431, "Request Header Fields Too Large"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].code == code)
            return phrases[i].phrase;
    return "";
}

static void answer(struct visit *visit, const struct http_request *request,
    int code, const struct http_route *route, struct evbuffer *body)
{
    struct evbuffer *out = bufferevent_get_output(visit->bev);
    evbuffer_add_printf(out,
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
        "%sConnection: close\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n%s\r\n",
        code, reason_phrase(code), route->content_type,
        evbuffer_get_length(body), code == 405 ? "Allow: GET, HEAD\r\n" : "",
        route->headers != NULL ? route->headers : "");
    if (request->method != HTTP_METHOD_HEAD)
        evbuffer_add_buffer(out, body);
}

static const struct http_route *route_find(
    const struct http_routes *routes, const char *path)
{
    const struct http_route *r = routes->first;

    while (r != NULL && r->path != NULL && strcmp(r->path, path) != 0)
        r++;
    return r != NULL && r->path != NULL ? r : NULL;
}

static const struct http_route plain = {
    .content_type = "text/plain; charset=utf-8"};

static void answer_route(struct visit *visit,
    const struct http_request *request, struct evbuffer *body)
{
    const struct http_routes *routes = &visit->server->routes;
    const struct http_route *route = route_find(routes, request->path);
    int code = 200;
    if (route == NULL) {
        routes = &visit->server->pages;
        route = route_find(routes, request->path);
        if (route != NULL && !http_host_is_ours(request->host))
            code = 421;
    }
    if (request->method == HTTP_METHOD_OTHER)
        code = 405;
    else if (route == NULL)
        code = 404;
    if (code == 200) {
        code = route->handle(body, routes->context);
        answer(visit, request, code, route, body);
    } else {
        evbuffer_add_printf(body, "%s\n", reason_phrase(code));
        answer(visit, request, code, &plain, body);
    }
}

static void answer_bad(struct visit *visit, int code, struct evbuffer *body)
{
    const struct http_request none = {.method = HTTP_METHOD_OTHER};
    evbuffer_add_printf(body, "%s\n", reason_phrase(code));
    answer(visit, &none, code, &plain, body);
}

/* The connection */

static void visit_on_ignored(struct bufferevent *bev, void *context)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    evbuffer_drain(in, evbuffer_get_length(in));
}

/* Not closed yet: bytes still on their way to us would make the kernel reset
 * the connection, and the answer with it. The peer closes, or the deadline. */
static void visit_on_written(struct bufferevent *bev, void *context)
{
    (void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void visit_on_event(struct bufferevent *bev, short what, void *context)
{
    visit_end(context);
}

static void visit_on_readable(struct bufferevent *bev, void *context)
{
    struct visit *visit = context;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(in);
    const unsigned char *bytes = evbuffer_pullup(in, -1);
    struct http_request request;
    enum http_parse parse =
        http_request_parse((const char *)bytes, len, &request);
    if (parse == HTTP_PARSE_MORE && len < HEAD_MAX)
        return;

    struct evbuffer *body = evbuffer_new();
    assert(body != NULL);
    if (parse == HTTP_PARSE_DONE)
        answer_route(visit, &request, body);
    else
        answer_bad(visit, parse == HTTP_PARSE_BAD ? 400 : 431, body);
    evbuffer_free(body);

    evbuffer_drain(in, len);
    bufferevent_setcb(
        bev, visit_on_ignored, visit_on_written, visit_on_event, visit);
}

static void visit_on_deadline(evutil_socket_t fd, short what, void *context)
{
    visit_end(context);
}

static void server_on_accept(int fd, void *context)
{
    struct http_server *server = context;
    if (server->visit_count == VISITS_MAX) {
        close(fd);
        return;
    }
    struct visit *visit = xcalloc(1, sizeof *visit);
    struct timeval deadline = {.tv_sec = VISIT_S};
    visit->server = server;
    visit->bev =
        bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    visit->deadline = evtimer_new(server->base, visit_on_deadline, visit);
    assert(visit->bev != NULL && visit->deadline != NULL);
    server->visit_count++;
    LIST_INSERT_HEAD(&server->visits, visit, link);

    event_add(visit->deadline, &deadline);
    bufferevent_setcb(
        visit->bev, visit_on_readable, NULL, visit_on_event, visit);
    bufferevent_setwatermark(visit->bev, EV_READ, 0, HEAD_MAX);
    bufferevent_enable(visit->bev, EV_READ | EV_WRITE);
}

/* Life */

static int server_listen(const char *address, struct error *err)
{
    char *host;
    uint16_t port;
    int fd = -1;
    if (option_split_address(address, &host, &port, err)) {
        fd = inet_socket_listen(host, port, err);
        free(host);
    }
    if (fd == -1)
        error_prefix(err, "http: ");
    return fd;
}

static bool is_loopback(int fd)
{
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    struct address address;
    if (getsockname(fd, (struct sockaddr *)&name, &len) == -1 ||
        !address_from_sockaddr((struct sockaddr *)&name, &address, NULL))
        return false;
    return address.family == ADDRESS_IPV4
               ? address.bytes[0] == IN_LOOPBACKNET
               : memcmp(address.bytes, &loopback, sizeof loopback) == 0;
}

struct http_server *http_server_new(struct event_base *base,
    const char *address, const struct http_route *routes, void *context,
    struct error *err)
{
    int fd = server_listen(address, err);
    if (fd == -1)
        return NULL;
    struct http_server *server = xcalloc(1, sizeof *server);
    server->base = base;
    server->fd = fd;
    server->routes = (struct http_routes){routes, context};
    server->is_loopback = is_loopback(fd);
    LIST_INIT(&server->visits);
    const struct acceptor_options options = {.name = "http",
        .is_inet = true,
        .on_accept = server_on_accept,
        .context = server};
    server->acceptor = acceptor_new(base, fd, &options);
    if (server->acceptor == NULL) {
        http_server_free(&server);
        error_set(err, "http: the event loop takes no more");
    }
    return server;
}

void http_server_show(
    struct http_server *server, const struct http_route *routes, void *context)
{
    server->pages = (struct http_routes){routes, context};
}

bool http_server_is_loopback(const struct http_server *server)
{
    return server->is_loopback;
}

void http_server_free(struct http_server **server)
{
    struct http_server *old = *server;
    if (old == NULL)
        return;
    acceptor_free(&old->acceptor);
    close(old->fd);
    while (!LIST_EMPTY(&old->visits))
        visit_end(LIST_FIRST(&old->visits));
    free(old);
    *server = NULL;
}
