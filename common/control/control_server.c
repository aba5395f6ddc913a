/*
 * control_server.c - see control_server.h.
 *
 * Moves bytes only; control_call.c knows what they mean. A few people and a
 * monitoring job come here, so it is buffered events, not the faces' own
 * reads. A peer that has closed its side only (a shell's pipe) still gets its
 * answers. A connection that has something to do stands in a lane, behind all
 * others of it; a lane's slot does one command, or one step of a long one, of
 * each in turn.
 */
#include "common/control/control_server.h"

#include "common/base/alloc.h"
#include "common/control/announcer.h"
#include "common/control/control_call.h"
#include "common/control/control_request.h"
#include "common/control/top_publisher.h"
#include "common/engine/daemon.h"
#include "common/net/slot.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define READERS_MAX     48 /* of them: the rest is for who may change things */
#define REQUEST_S       60 /* until a request is complete */
#define WRITE_S         60 /* without one byte being read of us */
#define UNREAD_MAX      (256 * 1024)

struct connection {
    struct control_server *server;
    struct bufferevent *bev;
    struct event *deadline; /* of the next request */
    struct lane *lane;
    bool is_ready; /* stands in the lane */
    struct control_peer peer;
    struct control_call call;
    bool has_ended; /* sends nothing more */
    bool is_ruined; /* no line of it can be understood any more */
    TAILQ_ENTRY(connection) link, turn;
};

struct lane {
    struct slot *slot;
    TAILQ_HEAD(, connection) ready;
    struct control_queue queue;
    size_t count; /* of its connections */
};

struct control_server {
    struct control_host host;
    struct announcer *announcer;
    struct top_publisher *publisher;
    struct control_rights rights;
    struct lane readers, changers;
    TAILQ_HEAD(, connection) connections; /* who asked longest ago is first */
};

static void connection_free(struct connection *connection)
{
    struct control_server *server = connection->server;
    struct bufferevent *bev = connection->bev;
    struct evbuffer *out = bufferevent_get_output(bev);

    control_call_cancel(&connection->call);
    TAILQ_REMOVE(&server->connections, connection, link);
    if (connection->is_ready)
        TAILQ_REMOVE(&connection->lane->ready, connection, turn);
    connection->lane->count--;
    event_free(connection->deadline);
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

static void connection_line_up(struct connection *connection)
{
    if (connection->is_ready)
        return;
    connection->is_ready = true;
    TAILQ_INSERT_TAIL(&connection->lane->ready, connection, turn);
    slot_wake(connection->lane->slot);
}

static void sink_write(void *context, const char *bytes, size_t len)
{
    struct connection *connection = context;

    bufferevent_write(connection->bev, bytes, len);
}

static bool sink_has_room(void *context)
{
    return unread(context) < UNREAD_MAX;
}

static void sink_on_due(void *context)
{
    connection_line_up(context);
}

static void connection_wait(struct connection *connection);

static void sink_on_over(void *context)
{
    connection_wait(context);
    connection_line_up(context);
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

/* It will be heard no more, and hears nothing more from us. */
static bool is_done(const struct connection *connection)
{
    const struct control_call *call = &connection->call;

    if (!connection->has_ended && !connection->is_ruined)
        return false;
    if (call->is_open)
        return call->is_stream;
    return unread(connection) == 0;
}

/* One command, or one step of one; the connection may be no more then. */
static void connection_step(struct connection *connection)
{
    struct control_call *call = &connection->call;
    bool is_more = false;

    if (!sink_has_room(connection))
        return; /* on_written */
    if (call->is_open && call->is_due) {
        control_call_step(call);
        is_more = call->is_due || !call->is_open;
    } else if (!call->is_open && !connection->is_ruined) {
        is_more = connection_take(connection);
    }
    if (is_more)
        connection_line_up(connection);
    else if (is_done(connection))
        connection_free(connection);
}

/* Who waits longest. */
static bool lane_work(void *context)
{
    struct lane *lane = context;
    struct connection *connection = TAILQ_FIRST(&lane->ready);

    if (connection == NULL)
        return false;
    TAILQ_REMOVE(&lane->ready, connection, turn);
    connection->is_ready = false;
    connection_step(connection);
    return true;
}

static void on_readable(struct bufferevent *bev, void *context)
{
    connection_line_up(context);
}

static void on_written(struct bufferevent *bev, void *context)
{
    connection_line_up(context);
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
    connection_line_up(connection);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    connection_free(context);
}

/* Making room: of the user who holds most places, who is idle longest; if
 * none is idle, who asked longest ago. */

static size_t places_of(
    const struct control_server *server, const struct lane *lane, uid_t uid)
{
    const struct connection *connection;
    size_t count = 0;

    TAILQ_FOREACH(connection, &server->connections, link)
        if (connection->lane == lane && connection->peer.uid == uid)
            count++;
    return count;
}

static void make_room(struct control_server *server, const struct lane *lane)
{
    struct connection *connection, *first = NULL;
    size_t most = 0;

    TAILQ_FOREACH(connection, &server->connections, link) {
        if (connection->lane != lane)
            continue;
        size_t count = places_of(server, lane, connection->peer.uid);
        bool is_idler = first != NULL && count == most && first->call.is_open &&
                        !connection->call.is_open;
        if (count <= most && !is_idler)
            continue;
        first = connection;
        most = count;
    }
    if (first != NULL)
        connection_free(first);
}

/* Readers never take the places that are kept; who may change things takes
 * those of readers first. */
static void make_room_for(
    struct control_server *server, const struct lane *lane)
{
    bool is_full =
        server->readers.count + server->changers.count >= CONNECTIONS_MAX;

    if (lane == &server->readers && server->readers.count >= READERS_MAX)
        make_room(server, &server->readers);
    else if (is_full)
        make_room(server,
            server->readers.count > 0 ? &server->readers : &server->changers);
}

/* By what the kernel says; who is not known has the rights of nobody. */
static void connection_meet(struct connection *connection, int fd)
{
    struct control_server *server = connection->server;
    struct control_call *call = &connection->call;

    connection->peer.uid = (uid_t)-1;
    call->peer =
        control_peer_ask(fd, &connection->peer) ? &connection->peer : NULL;
    bool is_trusted = call->peer != NULL &&
                      control_rights_may_change(&server->rights, call->peer);
    connection->lane = is_trusted ? &server->changers : &server->readers;
}

static void connection_prepare_call(struct connection *connection)
{
    struct control_server *server = connection->server;
    struct control_call *call = &connection->call;

    call->host = &server->host;
    call->rights = &server->rights;
    call->queue = &connection->lane->queue;
    call->sink = (struct control_sink){
        sink_write, sink_has_room, sink_on_over, sink_on_due, connection};
}

void control_server_add(struct control_server *server, int fd)
{
    const struct timeval write = {.tv_sec = WRITE_S};
    struct event_base *base = daemon_base(server->host.daemon);

    struct connection *connection = xcalloc(1, sizeof *connection);
    connection->server = server;
    connection_meet(connection, fd);
    connection_prepare_call(connection);
    make_room_for(server, connection->lane);
    connection->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    connection->deadline = evtimer_new(base, on_deadline, connection);
    assert(connection->bev != NULL && connection->deadline != NULL);
    TAILQ_INSERT_TAIL(&server->connections, connection, link);
    connection->lane->count++;
    bufferevent_setcb(
        connection->bev, on_readable, on_written, on_event, connection);
    bufferevent_setwatermark(connection->bev, EV_READ, 0, CONTROL_LINE_MAX + 1);
    bufferevent_set_timeouts(connection->bev, NULL, &write);
    bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
    connection_wait(connection);
}

static void lane_open(
    struct lane *lane, struct event_base *base, bool is_trusted)
{
    const struct slot_options options = {
        .work = lane_work, .context = lane, .is_trusted = is_trusted};

    TAILQ_INIT(&lane->ready);
    TAILQ_INIT(&lane->queue.waiting);
    lane->slot = slot_new(base, &options);
}

struct control_server *control_server_new(const struct control_host *host)
{
    struct control_server *server = xcalloc(1, sizeof *server);

    server->host = *host;
    TAILQ_INIT(&server->connections);
    lane_open(&server->readers, daemon_base(host->daemon), false);
    lane_open(&server->changers, daemon_base(host->daemon), true);
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
    slot_free(&old->readers.slot);
    slot_free(&old->changers.slot);
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
