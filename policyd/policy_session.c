/*
 * policy_session.c - the policy face: Postfix's SMTP access policy protocol.
 *
 * Turns a request into an event, and the verdict into an action. Does not
 * decide and does not log refusals: the engine does both. A peer that goes
 * away takes its question with it. A malformed request is refused where proof
 * is refused or required; elsewhere its connection closes, and Postfix does
 * what default_action says. Everything a request needs lies in its session, so
 * no request allocates and none can starve another.
 */
#include "policyd/policy_session.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/daemon.h"
#include "policyd/anvil_session.h"
#include "policyd/attr_batch.h"
#include "policyd/attr_connection.h"
#include "policyd/message_memory.h"
#include "policyd/open_message.h"
#include "policyd/policy_count.h"
#include "policyd/policy_request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct policy_sessions {
    LIST_HEAD(, policy_session) all;
    size_t count;
    struct daemon *daemon;
    struct attr_batch *batch;
    struct anvil_sessions *anvil; /* may be NULL */
    struct message_memory *memory;
    struct open_messages *open;
    bool is_shared; /* the message memory, through the store */
};

struct policy_session {
    LIST_ENTRY(policy_session) link;
    struct policy_sessions *owner;
    struct attr_connection *connection;
    struct policy_request request;

    uint64_t asked_ms;        /* when the request under way came */
    uint32_t message_hash;    /* of its instance */
    bool is_unreadable;       /* that request: the peer alone is judged */
    struct message_seen seen; /* its message, before it */
    uint32_t counted_hash;    /* of the message that was counted here last */
    struct open_message open;
    bool is_recalling;
    struct store_recall recall;
    struct decision decision; /* its event borrows request's texts */
};

static struct engine *engine_of(const struct policy_session *session)
{
    return daemon_engine(session->owner->daemon);
}

static struct metrics *metrics_of(const struct policy_session *session)
{
    return engine_metrics(engine_of(session));
}

/* What nearly every request gets, so it is not put together each time. */
static void policy_session_pass(struct policy_session *session)
{
    static const char dunno[] = "action=DUNNO\n\n";

    policy_request_reset(&session->request);
    attr_connection_reply(session->connection, dunno, sizeof dunno - 1);
}

/* A refusal, or HOLD. */
static void policy_session_act(
    struct policy_session *session, const struct verdict *verdict)
{
    static const char before[] = "action=", after[] = "\n\n";
    enum { BEFORE = sizeof before - 1, AFTER = sizeof after - 1 };
    char text[BEFORE + VERDICT_ACTION_SIZE + AFTER];

    memcpy(text, before, BEFORE);
    verdict_action(verdict, &session->decision.event, text + BEFORE);
    size_t len = strlen(text);
    memcpy(text + len, after, AFTER);
    policy_request_reset(&session->request);
    attr_connection_reply(session->connection, text, len + AFTER);
}

/*
 * What is known of the message once the request has passed. That it is at its
 * end is noted where another connection has counted it, which may have it open.
 */
static struct message_seen policy_session_see(struct policy_session *session)
{
    const struct event *event = &session->decision.event;
    struct message_seen seen = policy_count_passed(session->seen, event);

    if (open_message_on_pass(session->owner->open, &session->open,
            &session->request, &session->decision, seen, session->asked_ms))
        seen.is_ended = session->counted_hash != session->message_hash;
    else if (event->amount[EVENT_RECIPIENT] > 0)
        session->counted_hash = session->message_hash;
    return seen;
}

static void policy_session_note(struct policy_session *session)
{
    struct policy_sessions *owner = session->owner;
    const char *instance = session->request.instance;
    struct message_seen seen = policy_session_see(session);

    if (instance[0] == '\0' || message_seen_is_same(seen, session->seen))
        return;
    message_memory_note(owner->memory, session->message_hash, instance, seen,
        session->asked_ms);
    if (owner->is_shared) {
        char text[MESSAGE_SEEN_TEXT_SIZE];
        store_note_write(engine_store(engine_of(session)), instance,
            message_seen_format(seen, text));
    }
}

/* Its peer is not refused. What else it says is not known. */
static void policy_session_end_unreadable(struct policy_session *session)
{
    static const char defer[] =
        "action=421 4.3.0 Error: temporary system problem\n\n";
    const struct config_service *service = session->decision.service;

    policy_request_reset(&session->request);
    if (service != NULL && service->proof == SERVICE_PROOF_REQUIRED)
        attr_connection_reply(session->connection, defer, sizeof defer - 1);
}

static void policy_session_on_verdict(struct decision *decision)
{
    struct policy_session *session = decision->context;
    bool is_unreadable = session->is_unreadable;

    session->is_unreadable = false;
    if (decision->verdict.kind != VERDICT_PASS) {
        policy_session_act(session, &decision->verdict);
        return;
    }
    if (is_unreadable) {
        policy_session_end_unreadable(session);
        return;
    }
    policy_session_note(session);
    if (decision->verdict.is_held)
        policy_session_act(session, &decision->verdict);
    else
        policy_session_pass(session);
}

static void policy_session_read_client(struct policy_session *session)
{
    const char *text = session->request.client_address;
    struct cidr *client = &session->decision.event.client;

    address_parse(text, strlen(text), &client->net);
    client->prefix_length = (uint8_t)address_bits(&client->net);
}

static void policy_session_decide(struct policy_session *session)
{
    const struct policy_request *request = &session->request;
    struct event *event = &session->decision.event;

    if (!policy_count_fill(request, session->seen, event) &&
        !engine_judges_peers(engine_of(session))) {
        policy_session_note(session);
        policy_session_pass(session);
        return;
    }
    engine_decide(engine_of(session), &session->decision);
}

/* Both only ever grow, so the larger is the later. */
static struct message_seen later_of(
    struct message_seen a, struct message_seen b)
{
    return (struct message_seen){.is_counted = a.is_counted || b.is_counted,
        .is_ended = a.is_ended || b.is_ended,
        .recipients =
            a.recipients > b.recipients ? a.recipients : b.recipients};
}

/* Without the store this process's own memory is the best that there is. */
static void policy_session_on_recall(
    struct store_recall *recall, enum store_status status)
{
    struct policy_session *session = recall->context;

    session->is_recalling = false;
    if (status == STORE_OK)
        session->seen =
            later_of(session->seen, message_seen_parse(recall->value));
    policy_session_decide(session);
}

/*
 * Each time: smtpd comes over one connection with many clients. A request that
 * counts nothing is decided too, so that no state of a session is left out.
 */
static void policy_session_prove(struct policy_session *session)
{
    struct event *event = &session->decision.event;
    const struct policy_request *request = &session->request;

    engine_prove(
        engine_of(session), attr_connection_fd(session->connection), event);
    address_parse(request->server_address, strlen(request->server_address),
        &event->frontend);
    event->frontend_port =
        (uint16_t)strtoul(request->server_port, NULL, 10); /* a word: 0 */
}

static void policy_session_look_up(struct policy_session *session)
{
    struct policy_sessions *owner = session->owner;
    const char *instance = session->request.instance;

    session->seen = message_memory_find(
        owner->memory, session->message_hash, instance, session->asked_ms);
    if (owner->is_shared && instance[0] != '\0') {
        session->is_recalling = true;
        store_note_read(
            engine_store(engine_of(session)), instance, &session->recall);
    } else {
        policy_session_decide(session);
    }
}

/* What needs no other part, while the request is at hand; and the message,
 * which is far away, is asked for. */
static void policy_session_on_read(void *context)
{
    struct policy_session *session = context;

    session->message_hash =
        message_memory_hash(session->owner->memory, session->request.instance);
    policy_session_read_client(session);
}

static const char *policy_session_on_request(void *context)
{
    struct policy_session *session = context;
    struct policy_sessions *owner = session->owner;
    const char *reason = policy_request_check(&session->request);

    if (reason != NULL)
        return reason;
    session->asked_ms = clock_coarse_ms();
    open_message_on_request(
        owner->open, &session->open, &session->request, session->asked_ms);
    if (session->request.state == POLICY_RCPT && owner->anvil != NULL) {
        pid_t smtpd = attr_connection_peer_pid(session->connection);
        if (smtpd > 0)
            anvil_sessions_see_rcpt(
                owner->anvil, smtpd, &session->request, session->asked_ms);
    }
    bool is_judged = engine_judges_peers(engine_of(session));
    if (is_judged)
        policy_session_prove(session);
    if (is_judged || policy_count_is_due(&session->request))
        policy_session_look_up(session);
    else
        policy_session_pass(session);
    return NULL;
}

static void policy_session_stop_recalling(struct policy_session *session)
{
    if (session->is_recalling)
        store_recall_cancel(engine_store(engine_of(session)), &session->recall);
    session->is_recalling = false;
}

/* Its service is not known by name, but by the port of the peer. */
static void policy_session_on_malformed(void *context)
{
    struct policy_session *session = context;

    metrics_of(session)->malformed[FACE_POLICY]++;
    policy_session_stop_recalling(session);
    decision_clear(&session->decision);
    policy_request_reset(&session->request);
    if (!engine_judges_peers(engine_of(session)))
        return;
    memset(session->decision.event.amount, 0,
        sizeof session->decision.event.amount);
    policy_session_read_client(session);
    policy_session_prove(session);
    session->is_unreadable = true;
    engine_decide(engine_of(session), &session->decision);
}

static const char *policy_session_on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    struct policy_session *session = context;

    return policy_request_set(
        &session->request, name, name_len, value, value_len);
}

/* The connection has gone, or never was. */
static void policy_session_free(struct policy_session *session)
{
    struct policy_sessions *owner = session->owner;

    policy_session_stop_recalling(session);
    open_message_drop(owner->open, &session->open);
    decision_clear(&session->decision);
    metrics_of(session)->connections[FACE_POLICY]--;
    LIST_REMOVE(session, link);
    owner->count--;
    free(session);
    daemon_session_ended(owner->daemon);
}

static void policy_session_on_close(void *context)
{
    struct policy_session *session = context;

    open_message_on_close(
        session->owner->open, &session->open, clock_coarse_ms());
    policy_session_free(session);
}

static const struct attr_events policy_events = {
    .face = "policy",
    .on_attribute = policy_session_on_attribute,
    .on_read = policy_session_on_read,
    .on_request = policy_session_on_request,
    .on_malformed = policy_session_on_malformed,
    .on_close = policy_session_on_close,
};

/* What stays the same from one request to the next. */
static void policy_session_init_event(struct policy_session *session)
{
    session->decision.event = (struct event){
        .face = FACE_POLICY,
        .service = session->request.policy_context,
        .client_text = session->request.client_address,
        .sasl_username = session->request.sasl_username,
        .sender = session->request.sender,
        .recipient = session->request.recipient,
        .helo = session->request.helo_name,
        .instance = session->request.instance,
    };
    session->decision.on_verdict = policy_session_on_verdict;
    session->decision.context = session;
    session->recall.on_done = policy_session_on_recall;
    session->recall.context = session;
}

void policy_sessions_add(struct policy_sessions *sessions, int fd)
{
    struct policy_session *session = xcalloc(1, sizeof *session);

    session->owner = sessions;
    policy_session_init_event(session);
    LIST_INSERT_HEAD(&sessions->all, session, link);
    sessions->count++;
    metrics_of(session)->connections[FACE_POLICY]++;
    session->connection =
        attr_connection_new(sessions->batch, fd, &policy_events, session);
    if (session->connection == NULL)
        policy_session_free(session);
}

struct policy_sessions *policy_sessions_new(
    struct daemon *daemon, struct anvil_sessions *anvil)
{
    struct policy_sessions *sessions = xcalloc(1, sizeof *sessions);

    LIST_INIT(&sessions->all);
    sessions->daemon = daemon;
    sessions->batch = attr_batch_new(daemon_base(daemon));
    sessions->anvil = anvil;
    sessions->memory = message_memory_new();
    sessions->open = open_messages_new(daemon, sessions->memory);
    return sessions;
}

void policy_sessions_free(struct policy_sessions **sessions)
{
    struct policy_session *session;

    if (*sessions == NULL)
        return;
    while ((session = LIST_FIRST(&(*sessions)->all)) != NULL) {
        attr_connection_free(&session->connection);
        policy_session_free(session);
    }
    attr_batch_free(&(*sessions)->batch);
    open_messages_free(&(*sessions)->open);
    message_memory_free(&(*sessions)->memory);
    free(*sessions);
    *sessions = NULL;
}

static bool is_between_sessions(const struct policy_session *session)
{
    const struct anvil_sessions *anvil = session->owner->anvil;

    return anvil != NULL && attr_connection_is_idle(session->connection) &&
           anvil_sessions_is_idle(
               anvil, attr_connection_peer_pid(session->connection));
}

void policy_sessions_drain(struct policy_sessions *sessions)
{
    struct policy_session *session = LIST_FIRST(&sessions->all);

    while (session != NULL) {
        struct policy_session *next = LIST_NEXT(session, link);
        if (is_between_sessions(session)) {
            attr_connection_free(&session->connection);
            policy_session_on_close(session);
        }
        session = next;
    }
}

void policy_sessions_share_messages(
    struct policy_sessions *sessions, bool is_shared)
{
    sessions->is_shared = is_shared && store_is_shared(engine_store(
                                           daemon_engine(sessions->daemon)));
    open_messages_share(sessions->open, sessions->is_shared);
}

size_t policy_sessions_count(const struct policy_sessions *sessions)
{
    return sessions->count;
}
