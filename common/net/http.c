/*
 * http.c - answers one request a connection and closes it.
 *
 * Not evhttp: that bounds each wait for a byte but not the whole request, and
 * spins when descriptors run out; a metrics port must not be able to cost the
 * mail its descriptors. Here a connection lives VISIT_S seconds at the most,
 * VISITS_MAX of them at once, and accepting is the faces' own acceptor. A new
 * visitor always gets a place; make_room says whose.
 */
#include "common/net/http.h"

#include "common/base/address.h"
#include "common/base/alloc.h"
#include "common/config/option_checks.h"
#include "common/net/acceptor.h"
#include "common/net/http_request.h"
#include "common/net/inet_socket.h"
#include "common/net/slot.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX     8192
#define HEAD_S       1 /* until the head is complete */
#define ANSWER_S     4 /* from then on */
#define VISITS_MAX   64
#define ACCEPT_BATCH 16 /* a quarter: so who comes is read before he may go */

/* A customer's IPv6 network counts as one visitor, as a client does. */
#define SOURCE_BITS_IPV6 64

enum visit_state {
    VISIT_SILENT, /* has sent nothing yet */
    VISIT_HEARD,  /* its head is not complete */
    VISIT_ASKED,  /* waits for its turn in a lane */
    VISIT_ANSWERED,
    VISIT_SERVED, /* the kernel has all of the answer */
};

struct http_visit {
    struct http_server *server;
    struct bufferevent *bev;
    struct event *deadline;
    struct cidr source;
    enum visit_state state;
    enum http_parse parse;
    struct http_request request;
    const struct http_routes *routes; /* of route */
    const struct http_route *route;   /* NULL: there is none of the path */
    struct lane *lane;
    void *kept; /* http_keep's */
    void (*cancel)(void *kept);
    TAILQ_ENTRY(http_visit) link, turn;
};

/* Answers of one kind, one after the other. */
struct lane {
    struct slot *slot;
    TAILQ_HEAD(, http_visit) asked;
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
    struct lane quick, dear;
    size_t visit_count;
    TAILQ_HEAD(visits, http_visit)
    visits; /* who sent nothing longest is first */
};

static void visit_end(struct http_visit *visit)
{
    if (visit->cancel != NULL)
        visit->cancel(visit->kept);
    visit->server->visit_count--;
    TAILQ_REMOVE(&visit->server->visits, visit, link);
    if (visit->state == VISIT_ASKED)
        TAILQ_REMOVE(&visit->lane->asked, visit, turn);
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
        {403, "Forbidden"},
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

static void answer(struct http_visit *visit, const struct http_request *request,
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

static void visit_find_route(struct http_visit *visit)
{
    visit->routes = &visit->server->routes;
    visit->route = route_find(visit->routes, visit->request.path);
    if (visit->route != NULL)
        return;
    visit->routes = &visit->server->pages;
    visit->route = route_find(visit->routes, visit->request.path);
}

static void answer_route(struct http_visit *visit, struct evbuffer *body)
{
    const struct http_request *request = &visit->request;
    const struct http_route *route = visit->route;
    int code = 200;
    if (request->method == HTTP_METHOD_OTHER)
        code = 405;
    else if (route == NULL)
        code = 404;
    else if (visit->routes == &visit->server->pages &&
             !http_host_is_ours(request->host))
        code = 421;
    if (code == 200 && route->ask != NULL) {
        route->ask(visit, request->query, visit->routes->context);
    } else if (code == 200) {
        code = route->handle(body, visit->routes->context);
        answer(visit, request, code, route, body);
    } else {
        evbuffer_add_printf(body, "%s\n", reason_phrase(code));
        answer(visit, request, code, &plain, body);
    }
}

static void answer_bad(
    struct http_visit *visit, int code, struct evbuffer *body)
{
    const struct http_request none = {.method = HTTP_METHOD_OTHER};
    evbuffer_add_printf(body, "%s\n", reason_phrase(code));
    answer(visit, &none, code, &plain, body);
}

void http_keep(
    struct http_visit *visit, void *state, void (*cancel)(void *state))
{
    visit->kept = state;
    visit->cancel = cancel;
}

void http_answer(struct http_visit *visit, int code, struct evbuffer *body)
{
    http_keep(visit, NULL, NULL);
    answer(visit, &visit->request, code, visit->route, body);
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
    struct http_visit *visit = context;

    visit->state = VISIT_SERVED;
    (void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void visit_on_event(struct bufferevent *bev, short what, void *context)
{
    visit_end(context);
}

static void visit_answer(struct http_visit *visit)
{
    struct evbuffer *in = bufferevent_get_input(visit->bev);
    struct evbuffer *body = evbuffer_new();

    assert(body != NULL);
    if (visit->parse == HTTP_PARSE_DONE)
        answer_route(visit, body);
    else
        answer_bad(visit, visit->parse == HTTP_PARSE_BAD ? 400 : 431, body);
    evbuffer_free(body);
    evbuffer_drain(in, evbuffer_get_length(in));
    bufferevent_setcb(
        visit->bev, visit_on_ignored, visit_on_written, visit_on_event, visit);
}

/* One answer. */
static bool lane_work(void *context)
{
    struct lane *lane = context;
    struct http_visit *visit = TAILQ_FIRST(&lane->asked);

    if (visit == NULL)
        return false;
    TAILQ_REMOVE(&lane->asked, visit, turn);
    visit->state = VISIT_ANSWERED;
    visit_answer(visit);
    return true;
}

static void visit_ask(struct http_visit *visit)
{
    const struct timeval deadline = {.tv_sec = ANSWER_S};
    struct http_server *server = visit->server;

    if (visit->parse == HTTP_PARSE_DONE)
        visit_find_route(visit);
    visit->lane = visit->route != NULL && visit->route->is_dear
                      ? &server->dear
                      : &server->quick;
    visit->state = VISIT_ASKED;
    TAILQ_INSERT_TAIL(&visit->lane->asked, visit, turn);
    slot_wake(visit->lane->slot);
    event_add(visit->deadline, &deadline);
}

static void visit_was_heard(struct http_visit *visit)
{
    struct visits *visits = &visit->server->visits;

    if (visit->state == VISIT_SILENT)
        visit->state = VISIT_HEARD;
    TAILQ_REMOVE(visits, visit, link);
    TAILQ_INSERT_TAIL(visits, visit, link);
}

static void visit_on_readable(struct bufferevent *bev, void *context)
{
    struct http_visit *visit = context;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(in);
    const unsigned char *bytes = evbuffer_pullup(in, -1);

    visit_was_heard(visit);
    if (visit->state != VISIT_HEARD)
        return;
    visit->parse =
        http_request_parse((const char *)bytes, len, &visit->request);
    if (visit->parse != HTTP_PARSE_MORE || len >= HEAD_MAX)
        visit_ask(visit);
}

static void visit_on_deadline(evutil_socket_t fd, short what, void *context)
{
    visit_end(context);
}

/* Making room: who has his answer goes first; else, of the source that holds
 * most places, who has sent nothing longest. */

static size_t places_of(
    const struct http_server *server, const struct cidr *source)
{
    const struct http_visit *visit;
    size_t count = 0;

    TAILQ_FOREACH(visit, &server->visits, link)
        if (cidr_contains_net(source, &visit->source))
            count++;
    return count;
}

static struct http_visit *first_to_go(const struct http_server *server)
{
    struct http_visit *visit, *first = TAILQ_FIRST(&server->visits);
    size_t most = 0;

    TAILQ_FOREACH(visit, &server->visits, link) {
        size_t weight = visit->state == VISIT_SERVED
                            ? VISITS_MAX + 1
                            : places_of(server, &visit->source);
        bool is_silenter = weight == most && visit->state == VISIT_SILENT &&
                           first->state != VISIT_SILENT;
        if (weight <= most && !is_silenter)
            continue;
        first = visit;
        most = weight;
    }
    assert(first != NULL);
    return first;
}

/* Bytes that the kernel has and we have not read: no silence. */
static bool has_unread(const struct http_visit *visit)
{
    int count = 0;

    return visit->state == VISIT_SILENT &&
           ioctl(bufferevent_getfd(visit->bev), FIONREAD, &count) == 0 &&
           count > 0;
}

static void make_room(struct http_server *server)
{
    struct http_visit *visit = first_to_go(server);

    for (size_t i = 0; i < VISITS_MAX && has_unread(visit); i++) {
        visit_was_heard(visit);
        visit = first_to_go(server);
    }
    visit_end(visit);
}

static struct cidr source_of(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    struct address address = {.family = ADDRESS_IPV6};

    if (getpeername(fd, (struct sockaddr *)&name, &len) == 0)
        (void)address_from_sockaddr((struct sockaddr *)&name, &address, NULL);
    return cidr_of(
        &address, address.family == ADDRESS_IPV4 ? 32 : SOURCE_BITS_IPV6);
}

static void server_on_accept(int fd, void *context)
{
    const struct timeval deadline = {.tv_sec = HEAD_S};
    struct http_server *server = context;

    if (server->visit_count == VISITS_MAX)
        make_room(server);
    struct http_visit *visit = xcalloc(1, sizeof *visit);
    visit->server = server;
    visit->source = source_of(fd);
    visit->bev =
        bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    visit->deadline = evtimer_new(server->base, visit_on_deadline, visit);
    assert(visit->bev != NULL && visit->deadline != NULL);
    server->visit_count++;
    TAILQ_INSERT_TAIL(&server->visits, visit, link);

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

static void lane_open(struct lane *lane, struct event_base *base)
{
    const struct slot_options options = {.work = lane_work, .context = lane};

    TAILQ_INIT(&lane->asked);
    lane->slot = slot_new(base, &options);
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
    TAILQ_INIT(&server->visits);
    lane_open(&server->quick, base);
    lane_open(&server->dear, base);
    const struct acceptor_options options = {.name = "http",
        .is_inet = true,
        .batch = ACCEPT_BATCH,
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
    while (!TAILQ_EMPTY(&old->visits))
        visit_end(TAILQ_FIRST(&old->visits));
    slot_free(&old->quick.slot);
    slot_free(&old->dear.slot);
    free(old);
    *server = NULL;
}
