/*
 * turnaway.c - see turnaway.h.
 *
 * The socket's buffer takes our few bytes at once; an smtpd that does not read
 * them is left to itself, and nothing of it is accepted either.
 */
#include "milter/turnaway.h"

#include "common/base/alloc.h"
#include "milter/wire.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#define PATIENCE_S 10 /* in all; Postfix itself waits no longer than 30 s */

struct turnaway {
    struct turnaways *owner;
    LIST_ENTRY(turnaway) link;
    int fd;
    struct event *readable, *deadline;
    struct peer peer;
    struct wire wire;
};

struct turnaways {
    struct daemon *daemon;
    LIST_HEAD(, turnaway) list;
    size_t count;
};

static void turnaway_free(struct turnaway *turnaway)
{
    struct turnaways *owner = turnaway->owner;

    LIST_REMOVE(turnaway, link);
    owner->count--;
    event_free(turnaway->readable);
    event_free(turnaway->deadline);
    close(turnaway->fd);
    free(turnaway);
    daemon_session_ended(owner->daemon);
}

static void on_verdict(struct decision *decision)
{
    (void)decision; /* it is there when engine_decide returns */
}

/*
 * What the engine says of the peer and the claim: an event that counts nothing
 * asks no store. Should the list of proxies have changed since the accept, the
 * client may come again.
 */
static void turnaway_decide(const struct turnaway *turnaway,
    const struct address *client, char text[VERDICT_ACTION_SIZE])
{
    struct decision *decision = xcalloc(1, sizeof *decision);
    char client_text[ADDRESS_TEXT_SIZE] = "";

    if (client->family != ADDRESS_NONE)
        address_format(client, client_text);
    decision->event = (struct event){.face = FACE_MILTER,
        .service = "",
        .client = cidr_of(client, address_bits(client)),
        .client_text = client_text,
        .peer = turnaway->peer,
        EVENT_NO_TEXTS};
    decision->on_verdict = on_verdict;
    engine_decide(daemon_engine(turnaway->owner->daemon), decision);
    if (decision->verdict.kind == VERDICT_PASS)
        snprintf(text, VERDICT_ACTION_SIZE, "421 4.3.0 Error: try again");
    else
        verdict_action(&decision->verdict, &decision->event, text);
    decision_clear(decision);
    free(decision);
}

static bool turnaway_write(
    struct turnaway *turnaway, const unsigned char *bytes, size_t len)
{
    return len > 0 && send(turnaway->fd, bytes, len,
                          MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

/* It ends before it has said who its client is, or with nonsense: whoever is
 * still there is refused all the same. */
static void turnaway_end_unheard(struct turnaway *turnaway)
{
    const struct address nobody = {.family = ADDRESS_NONE};
    unsigned char reply[WIRE_REPLY_MAX];
    char text[VERDICT_ACTION_SIZE];

    turnaway_decide(turnaway, &nobody, text);
    (void)turnaway_write(turnaway, reply, wire_refuse(text, reply));
    turnaway_free(turnaway);
}

static void turnaway_refuse(struct turnaway *turnaway)
{
    unsigned char reply[WIRE_REPLY_MAX];
    char text[VERDICT_ACTION_SIZE];
    struct address client;

    (void)wire_client(&turnaway->wire, &client);
    turnaway_decide(turnaway, &client, text);
    (void)turnaway_write(turnaway, reply, wire_refuse(text, reply));
    turnaway_free(turnaway);
}

/* False: it is over, and freed. */
static bool turnaway_answer(struct turnaway *turnaway)
{
    unsigned char reply[WIRE_REPLY_MAX];

    switch (wire_command(&turnaway->wire)) {
    case WIRE_NEGOTIATE:
        if (turnaway_write(turnaway, reply,
                wire_answer_negotiation(&turnaway->wire, reply)))
            return true;
        break;
    case WIRE_CONNECT:
        turnaway_refuse(turnaway);
        return false;
    case WIRE_QUIT:
        break;
    default: /* macros: nothing in them is asked for */
        return true;
    }
    turnaway_end_unheard(turnaway);
    return false;
}

static void turnaway_take(
    struct turnaway *turnaway, const char *bytes, size_t len)
{
    enum wire_result result = WIRE_PACKET;
    size_t used;

    while (result == WIRE_PACKET && len > 0) {
        result = wire_take(&turnaway->wire, bytes, len, &used);
        if (result == WIRE_BAD) {
            turnaway_end_unheard(turnaway);
            return;
        }
        if (result == WIRE_PACKET && !turnaway_answer(turnaway))
            return;
        bytes += used;
        len -= used;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct turnaway *turnaway = context;
    char bytes[1024];

    ssize_t len = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (len == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len > 0)
        turnaway_take(turnaway, bytes, (size_t)len);
    else
        turnaway_end_unheard(turnaway);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    turnaway_end_unheard(context);
}

void turnaway_begin(struct turnaways *owner, int fd, const struct peer *peer)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct turnaway *turnaway = xcalloc(1, sizeof *turnaway);

    turnaway->owner = owner;
    turnaway->fd = fd;
    turnaway->peer = *peer;
    turnaway->readable = event_new(daemon_base(owner->daemon), fd,
        EV_READ | EV_PERSIST, on_readable, turnaway);
    turnaway->deadline =
        evtimer_new(daemon_base(owner->daemon), on_deadline, turnaway);
    LIST_INSERT_HEAD(&owner->list, turnaway, link);
    owner->count++;
    event_add(turnaway->readable, NULL);
    event_add(turnaway->deadline, &patience);
}

size_t turnaways_count(const struct turnaways *turnaways)
{
    return turnaways->count;
}

struct turnaways *turnaways_new(struct daemon *daemon)
{
    struct turnaways *turnaways = xcalloc(1, sizeof *turnaways);

    turnaways->daemon = daemon;
    LIST_INIT(&turnaways->list);
    return turnaways;
}

void turnaways_free(struct turnaways **turnaways)
{
    struct turnaway *turnaway;

    if (*turnaways == NULL)
        return;
    while ((turnaway = LIST_FIRST(&(*turnaways)->list)) != NULL)
        turnaway_free(turnaway);
    free(*turnaways);
    *turnaways = NULL;
}
