/*
 * control_server.c - see control_server.h.
 *
 * Moves bytes only; control_call.c knows what they mean. A few people and a
 * monitoring job come here, so it is buffered events, not the faces' own
 * reads. A peer that has closed its side only (a shell's pipe) still gets its
 * answers.
 */
#include "common/control/control_server.h"

#include "common/base/memory.h"
#include "common/control/announcer.h"
#include "common/control/control_call.h"
#include "common/control/control_request.h"
#include "common/control/top_publisher.h"
#include "common/engine/daemon.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_S       60 /* until a request is complete */
#define WRITE_S         60 /* without one byte being read of us */
#define UNREAD_MAX      (256 * 1024)

struct connection {
    struct control_server *server;
    struct bufferevent *bev;
    struct event *deadline; /* of the next request */
    struct event *resume;   /* a call is over; from the loop */
    struct control_peer peer;
    struct control_call call;
    bool has_ended; /* sends nothing more */
    bool is_ruined; /* no line of it can be understood any more */
    bool is_pumping;
    TAILQ_ENTRY(connection) link;
};

struct control_server {
    struct control_host host;
    struct announcer *announcer;
    struct top_publisher *publisher;
    struct control_rights rights;
    size_t count;
    TAILQ_HEAD(connections, connection) connections; /* longest idle first */
};

static void connection_free(struct connection *connection)
{
    struct control_server *server = connection->server;
    struct bufferevent *bev = connection->bev;
    struct evbuffer *out = bufferevent_get_output(bev);

    control_call_cancel(&connection->call);
    TAILQ_REMOVE(&server->connections, connection, link);
    server->count--;
    event_free(connection->deadline);
    event_free(connection->resume);
    /* What was answered in the last moment of the daemon. */
    (void)evbuffer_unfreeze(out, 1);
    (void)evbuffer_write(out, bufferevent_getfd(bev));
    bufferevent_free(bev);
    free(connection);
}

static size_t unread(const struct connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->bev));
}

static void sink_write(void *context, const char *line, size_t len)
{
    struct connection *connection = context;

    bufferevent_write(connection->bev, line, len);
    bufferevent_write(connection->bev, "\n", 1);
}

static bool sink_has_room(void *context)
{
    return unread(context) < UNREAD_MAX;
}

static void sink_on_over(void *context)
{
    struct connection *connection = context;

    if (!connection->is_pumping)
        event_active(connection->resume, EV_TIMEOUT, 0);
}

static void connection_wait(struct connection *connection)
{
    const struct timeval request = {.tv_sec = REQUEST_S};

    event_add(connection->deadline, &request);
}

static void connection_begin(
    struct connection *connection, const char *line, size_t len)
{
    struct control_server *server = connection->server;

    TAILQ_REMOVE(&server->connections, connection, link);
    TAILQ_INSERT_TAIL(&server->connections, connection, link);
    event_del(connection->deadline);
    control_call_begin(&connection->call, line, len);
    if (!connection->call.is_open)
        connection_wait(connection);
}

/* False: no line is there. */
static bool connection_take(struct connection *connection)
{
    struct evbuffer *in = bufferevent_get_input(connection->bev);
    size_t len;
    struct evbuffer_ptr end =
        evbuffer_search_eol(in, NULL, &len, EVBUFFER_EOL_LF);

    size_t line_len = end.pos == -1 ? evbuffer_get_length(in) : (size_t)end.pos;
    if (line_len > CONTROL_LINE_MAX) {
        control_call_complain(
            &connection->call, "a request is one line of at most 64 KiB");
        connection->is_ruined = true;
        return false;
    }
    if (end.pos == -1)
        return false;
    const unsigned char *line = evbuffer_pullup(in, end.pos + 1);
    assert(line != NULL);
    connection_begin(connection, (const char *)line, line_len);
    evbuffer_drain(in, line_len + 1);
    return true;
}

/* One command after the other, as far as their answers are read. True: the
 * connection is no more. */
static bool connection_pump(struct connection *connection)
{
    connection->is_pumping = true;
    while (!connection->call.is_open && !connection->is_ruined &&
           unread(connection) < UNREAD_MAX && connection_take(connection))
        ;
    connection->is_pumping = false;
    bool is_waiting = connection->call.is_open && !connection->call.is_stream;
    if (!(connection->has_ended || connection->is_ruined) || is_waiting ||
        (unread(connection) > 0 && !connection->call.is_stream))
        return false;
    connection_free(connection);
    return true;
}

static void on_readable(struct bufferevent *bev, void *context)
{
    (void)connection_pump(context);
}

static void on_written(struct bufferevent *bev, void *context)
{
    (void)connection_pump(context);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct connection *connection = context;
    const short both_ways = BEV_EVENT_EOF | BEV_EVENT_READING;

    if ((what & both_ways) != both_ways) {
        connection_free(connection);
        return;
    }
    connection->has_ended = true;
    (void)connection_pump(connection);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    connection_free(context);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;

    if (!connection_pump(connection) && !connection->call.is_open)
        connection_wait(connection);
}

/* A place for one more; false: all are busy. */
static bool make_room(struct control_server *server)
{
    struct connection *idle;

    if (server->count < CONNECTIONS_MAX)
        return true;
    TAILQ_FOREACH(idle, &server->connections, link)
        if (!idle->call.is_open)
            break;
    if (idle == NULL)
        return false;
    connection_free(idle);
    return true;
}

static void connection_prepare_call(struct connection *connection, int fd)
{
    struct control_server *server = connection->server;
    struct control_call *call = &connection->call;

    call->host = &server->host;
    call->rights = &server->rights;
    call->peer =
        control_peer_ask(fd, &connection->peer) ? &connection->peer : NULL;
    call->sink = (struct control_sink){
        sink_write, sink_has_room, sink_on_over, connection};
}

void control_server_add(struct control_server *server, int fd)
{
    const struct timeval write = {.tv_sec = WRITE_S};
    struct event_base *base = daemon_base(server->host.daemon);

    if (!make_room(server)) {
        close(fd);
        return;
    }
    struct connection *connection = xcalloc(1, sizeof *connection);
    connection->server = server;
    connection_prepare_call(connection, fd);
    connection->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    connection->deadline = evtimer_new(base, on_deadline, connection);
    connection->resume = event_new(base, -1, 0, on_resume, connection);
    assert(connection->bev != NULL && connection->deadline != NULL &&
           connection->resume != NULL);
    TAILQ_INSERT_TAIL(&server->connections, connection, link);
    server->count++;
    bufferevent_setcb(
        connection->bev, on_readable, on_written, on_event, connection);
    bufferevent_setwatermark(connection->bev, EV_READ, 0, CONTROL_LINE_MAX + 1);
    bufferevent_set_timeouts(connection->bev, NULL, &write);
    bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
    connection_wait(connection);
}

struct control_server *control_server_new(const struct control_host *host)
{
    struct control_server *server = xcalloc(1, sizeof *server);

    server->host = *host;
    TAILQ_INIT(&server->connections);
    server->announcer = announcer_new(host->daemon);
    server->publisher = top_publisher_new(host->daemon);
    control_server_reload(server);
    return server;
}

void control_server_free(struct control_server **server)
{
    struct control_server *old = *server;

    if (old == NULL)
        return;
    while (!TAILQ_EMPTY(&old->connections))
        connection_free(TAILQ_FIRST(&old->connections));
    announcer_free(&old->announcer);
    top_publisher_free(&old->publisher);
    control_rights_clear(&old->rights);
    free(old);
    *server = NULL;
}

void control_server_reload(struct control_server *server)
{
    const struct config *config =
        engine_config(daemon_engine(server->host.daemon));

    control_rights_follow(&server->rights, config->control_admins);
}
