/*
 * gate_client.c - one connection: the peer, the header, the verdict, the end.
 *
 * The header is looked at (MSG_PEEK) before it is taken, so that not a byte of
 * the client's is: those go to smtpd in the socket. It is often there with the
 * connection, so the socket is watched only if it is not. One deadline holds
 * for the whole header, however slowly it drips. Who is refused gets one line,
 * unless he waits for a TLS handshake, and up to a second to read it: a socket
 * that is closed with unread bytes in it would take the line back.
 */
#include "policyd/gate_client.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/daemon.h"
#include "common/engine/log_gather.h"
#include "common/engine/proof.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK_MS  10000 /* a health check is over by then */
#define LEAVE_MS  1000
#define READ_SIZE 16384

#define NO_HEADER "421 4.7.0 Error: no valid PROXY header"
#define TOO_MANY  "421 4.7.0 Error: too many connections"
#define NO_SMTPD  "421 4.3.2 Error: no mail server is free, try again later"

static void gate_client_on_readable(evutil_socket_t, short, void *);
static void gate_client_on_deadline(evutil_socket_t, short, void *);

static struct engine *engine_of(const struct gate_client *client)
{
    return daemon_engine(client->gate->daemon);
}

static struct gate_list *list_of(const struct gate_client *client)
{
    switch (client->state) {
    case GATE_READS:
        return &client->gate->silent;
    case GATE_LEAVES:
        return &client->gate->leaving;
    default:
        return &client->gate->busy;
    }
}

static void gate_client_enter(struct gate_client *client, enum gate_state state)
{
    TAILQ_REMOVE(list_of(client), client, entry);
    client->state = state;
    TAILQ_INSERT_TAIL(list_of(client), client, entry);
}

static void gate_client_wait(
    struct gate_client *client, enum gate_state state, uint64_t ms)
{
    const struct timeval time = clock_span(ms);

    gate_client_enter(client, state);
    event_add(client->deadline, &time);
}

/* One line, to whoever does not wait for a TLS handshake. */
static bool gate_client_say(const struct gate_client *client, const char *text)
{
    char line[VERDICT_ACTION_SIZE + 2];

    if (client->service->tls_wrapper)
        return true;
    int len = snprintf(line, sizeof line, "%s\r\n", text);
    return len > 0 && (size_t)len < sizeof line &&
           send(client->fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
               len;
}

void gate_client_free(struct gate_client *client)
{
    struct gate *gate = client->gate;

    gate->ends[client->end]++;
    gate->count--;
    TAILQ_REMOVE(list_of(client), client, entry);
    if (client->state == GATE_PASSES)
        LIST_REMOVE(client, same);
    gate_pass_clear(&client->pass);
    if (client->readable != NULL)
        event_free(client->readable);
    if (client->deadline != NULL)
        event_free(client->deadline);
    close(client->fd);
    config_unref(&client->config);
    free(client);
    daemon_session_ended(gate->daemon);
}

static void gate_client_end(struct gate_client *client, enum gate_end end)
{
    client->end = end;
    gate_client_free(client);
}

/* Of a client that waits for its greeting, as most do, every byte has been
 * read. */
static bool has_waited(const struct gate_client *client)
{
    int unread;

    return client->state == GATE_READS &&
           client->in.reader.state == PROXY_HEADER_DONE &&
           ioctl(client->fd, FIONREAD, &unread) == 0 && unread == 0;
}

/* Refused: a line, and a moment to read it where bytes may come yet that a
 * closed socket would answer with a reset. */
static void gate_client_refuse(
    struct gate_client *client, enum gate_end end, const char *text)
{
    client->end = end;
    if (client->service->tls_wrapper || !gate_client_say(client, text) ||
        has_waited(client) || shutdown(client->fd, SHUT_WR) != 0) {
        gate_client_free(client);
        return;
    }
    event_add(client->readable, NULL);
    gate_client_wait(client, GATE_LEAVES, LEAVE_MS);
}

/* In the order of the lines about decisions. */
static void log_header_fault(
    const struct gate_client *client, const char *fault)
{
    struct log_gather *gather =
        engine_log_gather(daemon_engine(client->gate->daemon));
    char peer[ADDRESS_TEXT_SIZE], about[256];
    struct log_record record;

    address_format(&client->peer, peer);
    snprintf(about, sizeof about, "gate %s header %s %s",
        client->service->title, fault, peer);
    if (!log_gather_begin(gather, about))
        return;
    log_record_begin(&record, LOG_LEVEL_INFO, "decision");
    log_record_text(&record, "face", "gate");
    log_record_text(&record, "service", client->service->title);
    log_record_text(&record, "peer", peer);
    log_record_number(&record, "port", client->service->port);
    log_record_text(&record, "verdict", "refuse");
    log_record_text(&record, "reason", "header");
    log_record_text(&record, "fault", fault);
    log_gather_end(gather, &record);
}

static void gate_client_refuse_header(
    struct gate_client *client, const char *fault)
{
    log_header_fault(client, fault);
    gate_client_refuse(client, GATE_END_HEADER, NO_HEADER);
}

/* Judgement */

static void on_verdict(struct decision *decision)
{
}

/*
 * Of a client, or, with ends NULL, of the peer alone. Limits are looked at, as
 * far as this process knows, so the verdict is there at once.
 */
static bool gate_client_judge(
    struct gate_client *client, const struct gate_ends *ends)
{
    struct decision *decision = &client->gate->decision;
    char text[ADDRESS_TEXT_SIZE] = "";

    decision->event = (struct event){
        .face = FACE_ANVIL,
        .service = client->service->title,
        .client_text = text,
        .peer = {.state = PEER_PROVEN,
            .address = client->peer,
            .port = (uint16_t)client->service->port},
        EVENT_NO_TEXTS,
        .peek = true,
        .is_gate = true,
    };
    if (ends != NULL) {
        decision->event.header = &client->in.reader.header;
        decision->event.client =
            cidr_of(&ends->client, address_bits(&ends->client));
        decision->event.frontend = ends->server;
        decision->event.frontend_port = ends->server_port;
        decision->event.amount[EVENT_CONNECTION] = 1;
        decision->event.amount[EVENT_CONNECTION_COUNT] = 1;
        address_format(&ends->client, text);
    }
    decision->on_verdict = on_verdict;
    engine_decide(engine_of(client), decision);
    if (decision->verdict.kind == VERDICT_PASS)
        return true;
    char action[VERDICT_ACTION_SIZE];
    verdict_action(&decision->verdict, &decision->event, action);
    gate_client_refuse(client, GATE_END_REFUSED,
        strncmp(action, "421 ", 4) == 0 ? action : TOO_MANY);
    return false;
}

/* Handing over */

/* One that nobody has taken yet may be taken later: by then it is shut. */
static void gate_client_on_passed(struct gate_pass *pass)
{
    struct gate_client *client = pass->context;

    gate_note_result(client->gate, client);
    if (pass->state == GATE_PASS_TAKEN) {
        gate_client_end(client, GATE_END_PASSED);
        return;
    }
    gate_client_say(client, NO_SMTPD);
    shutdown(client->fd, SHUT_RDWR);
    gate_client_end(
        client, pass->state == GATE_PASS_LATE ? GATE_END_LATE : GATE_END_AWAY);
}

static void gate_client_pass(
    struct gate_client *client, const struct gate_ends *ends)
{
    const struct config_service *service = client->service;
    const struct limit_prefixes *prefixes = &client->config->prefixes;

    client->net = ends->client;
    address_mask(&client->net,
        ends->client.family == ADDRESS_IPV4 ? prefixes->ipv4 : prefixes->ipv6);
    if (!gate_let_wait(client->gate, client)) {
        gate_client_refuse(client, GATE_END_CROWDED, TOO_MANY);
        return;
    }
    client->pass = (struct gate_pass){
        .base = daemon_base(client->gate->daemon),
        .path = service->pass_to,
        .client_fd = client->fd,
        .ends = *ends,
        .deadline_ms = clock_monotonic_ms() + service->pass_timeout_ms,
        .on_done = gate_client_on_passed,
        .context = client,
    };
    event_del(client->readable);
    event_del(client->deadline);
    gate_client_enter(client, GATE_PASSES);
    if (!gate_pass_begin(&client->pass))
        gate_client_on_passed(&client->pass);
}

/* A proxy that comes for itself */

static void gate_client_begin_check(struct gate_client *client)
{
    char greeting[VERDICT_ACTION_SIZE];

    client->end = GATE_END_CHECK;
    client->in.line.len = 0;
    event_add(client->readable, NULL);
    gate_client_wait(client, GATE_CHECKS, CHECK_MS);
    snprintf(greeting, sizeof greeting, "220 %s ESMTP",
        client->config->instance_name);
    if (!gate_client_say(client, greeting))
        gate_client_free(client);
}

/* True: it is still there. */
static bool gate_client_answer_line(struct gate_client *client, size_t len)
{
    size_t end =
        len > 0 && client->in.line.text[len - 1] == '\r' ? len - 1 : len;
    bool ends;
    const char *reply = gate_check_reply(client->in.line.text, end, &ends);

    if (gate_client_say(client, reply) && !ends)
        return true;
    gate_client_free(client);
    return false;
}

static void gate_client_read_check(struct gate_client *client)
{
    char *text = client->in.line.text;
    ssize_t got = recv(client->fd, text + client->in.line.len,
        GATE_CHECK_LINE - client->in.line.len, MSG_DONTWAIT);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        client->in.line.len += (size_t)got;
    if (got <= 0 || client->service->tls_wrapper) {
        gate_client_free(client);
        return;
    }
    for (;;) {
        char *end = memchr(text, '\n', client->in.line.len);
        size_t len = end != NULL ? (size_t)(end - text) : client->in.line.len;
        if (end == NULL && len < GATE_CHECK_LINE)
            return;
        if (!gate_client_answer_line(client, len))
            return;
        len = len < client->in.line.len ? len + 1 : len;
        client->in.line.len -= len;
        memmove(text, text + len, client->in.line.len);
    }
}

/* The header */

/* HAProxy's checks with a header of version 1 name the check's own connection,
 * where version 2 has LOCAL. Both ends count: a client at the proxy's address
 * may well have the same port, towards the proxy. */
static bool names_itself(
    const struct gate_client *client, const struct gate_ends *ends)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    struct address own;
    uint16_t port;

    return address_equal(&ends->client, &client->peer) &&
           ends->client_port == client->peer_port &&
           getsockname(client->fd, (struct sockaddr *)&name, &len) == 0 &&
           address_from_sockaddr((struct sockaddr *)&name, &own, &port) &&
           address_equal(&ends->server, &own) && ends->server_port == port;
}

static void gate_client_on_header(struct gate_client *client)
{
    const struct proxy_header *header = &client->in.reader.header;
    const struct gate_ends ends = {.client = header->client,
        .server = header->server,
        .client_port = header->client_port,
        .server_port = header->server_port};

    if (header->is_local || ends.client.family == ADDRESS_NONE ||
        ends.server.family == ADDRESS_NONE || names_itself(client, &ends))
        gate_client_begin_check(client);
    else if (gate_client_judge(client, &ends))
        gate_client_pass(client, &ends);
}

/* Those bytes have just been looked at. */
static bool take(int fd, uint8_t *bytes, size_t len)
{
    return len == 0 || recv(fd, bytes, len, MSG_DONTWAIT) == (ssize_t)len;
}

/* True: the header goes on; else the client may be gone. */
static bool gate_client_read_header(struct gate_client *client)
{
    struct proxy_reader *reader = &client->in.reader;
    uint8_t bytes[READ_SIZE];
    ssize_t got =
        recv(client->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        if (got == 0 && reader->at > 0)
            gate_client_refuse_header(client, "the connection ended in it");
        else
            gate_client_end(client, GATE_END_GONE);
        return false;
    }
    size_t used = proxy_header_read(reader, bytes, (size_t)got);
    if (reader->state == PROXY_HEADER_BAD)
        gate_client_refuse_header(client, reader->fault);
    else if (!take(client->fd, bytes, used))
        gate_client_end(client, GATE_END_GONE);
    else if (reader->state == PROXY_HEADER_DONE)
        gate_client_on_header(client);
    else
        return true;
    return false;
}

static void gate_client_read_away(struct gate_client *client)
{
    uint8_t bytes[READ_SIZE];
    ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (got == 0 || (got == -1 && errno != EAGAIN && errno != EINTR))
        gate_client_free(client);
}

static void gate_client_on_readable(
    evutil_socket_t fd, short what, void *context)
{
    struct gate_client *client = context;

    switch (client->state) {
    case GATE_READS:
        gate_client_read_header(client);
        break;
    case GATE_CHECKS:
        gate_client_read_check(client);
        break;
    case GATE_LEAVES:
        gate_client_read_away(client);
        break;
    case GATE_PASSES:
        break;
    }
}

static void gate_client_on_deadline(
    evutil_socket_t fd, short what, void *context)
{
    struct gate_client *client = context;

    if (client->state == GATE_READS)
        gate_client_refuse_header(client, "not whole within header_timeout");
    else
        gate_client_free(client);
}

/* False: it has gone already. */
static bool gate_client_know_peer(struct gate_client *client)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;

    return getpeername(client->fd, (struct sockaddr *)&name, &len) == 0 &&
           address_from_sockaddr(
               (struct sockaddr *)&name, &client->peer, &client->peer_port);
}

static bool gate_client_is_proxy(const struct gate_client *client)
{
    const struct cidr net = cidr_of(&client->peer, address_bits(&client->peer));

    return proof_is_proxy(
        client->service, engine_trust(engine_of(client)), &net);
}

void gate_client_new(struct gate *gate, struct config *config,
    const struct config_service *service, int fd)
{
    struct gate_client *client = xcalloc(1, sizeof *client);
    struct event_base *base = daemon_base(gate->daemon);

    client->gate = gate;
    client->config = config_ref(config);
    client->service = service;
    client->fd = fd;
    gate->count++;
    TAILQ_INSERT_TAIL(&gate->silent, client, entry);
    client->readable = event_new(
        base, fd, EV_READ | EV_PERSIST, gate_client_on_readable, client);
    client->deadline = evtimer_new(base, gate_client_on_deadline, client);
    if (client->readable == NULL || client->deadline == NULL) {
        gate_client_end(client, GATE_END_CROWDED);
        return;
    }
    gate_client_wait(client, GATE_READS, service->header_timeout_ms);
    if (!gate_client_know_peer(client))
        gate_client_end(client, GATE_END_GONE);
    else if ((gate_client_is_proxy(client) ||
                 gate_client_judge(client, NULL)) &&
             gate_client_read_header(client) &&
             event_add(client->readable, NULL) != 0)
        gate_client_end(client, GATE_END_CROWDED);
}
