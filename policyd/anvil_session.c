/*
 * anvil_session.c - the anvil face: requests to decisions, verdicts to
 * answers.
 *
 * Knows no limits and no store. Every request is answered once, after the
 * proof, whatever else is wrong with it: a close is no refusal, because smtpd
 * then goes on without limits. What cannot be read is refused where proof is
 * required, and answered status=-1 elsewhere. As in anvil, a session remembers
 * one client, the one that it has answered last: what smtpd takes with
 * `connect` it gives back with `disconnect`, with the next `connect`, or by
 * going away, so an smtpd that is killed leaves nothing behind.
 */
#include "policyd/anvil_session.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/daemon.h"
#include "policyd/anvil_event.h"
#include "policyd/anvil_ident.h"
#include "policyd/anvil_silence.h"
#include "policyd/anvil_statistics.h"
#include "policyd/attr_batch.h"
#include "policyd/attr_connection.h"
#include "policyd/smtpd_activity.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STATISTICS_SECONDS 600 /* anvil_status_update_time */

struct anvil_session {
    struct anvil_session *next, **link;
    struct anvil_sessions *owner;
    struct attr_connection *connection;

    struct anvil_request request; /* being read, decided or answered */
    struct anvil_ident ident;     /* of that request */
    bool is_unreadable;           /* that request: the peer alone is judged */
    struct decision decision;

    struct smtpd_activity activity; /* of the client that smtpd serves now */
    char holder[ANVIL_IDENT_SIZE];  /* whose place the lease is */
    struct engine_lease lease;
};

struct anvil_sessions {
    struct daemon *daemon;
    struct attr_batch *batch;
    struct anvil_session *first;
    size_t count;
    struct smtpd_activities *activities;
    struct anvil_silence silence;
    char silence_text[ANVIL_SILENCE_TEXT];
    struct anvil_statistics statistics;
    struct event *report;
    uint64_t traces_since_ms;
    uint32_t traces; /* TLS traces that were asked for since */
};

/* Which peak a counted event may raise. */
static const struct {
    enum event_kind kind;
    enum anvil_peak peak;
} peaks[] = {
    {EVENT_CONNECTION, ANVIL_PEAK_CONNECTION_RATE},
    {EVENT_CONNECTION_COUNT, ANVIL_PEAK_CONNECTION_COUNT},
    {EVENT_MESSAGE, ANVIL_PEAK_MESSAGE},
    {EVENT_RECIPIENT, ANVIL_PEAK_RECIPIENT},
    {EVENT_TLS, ANVIL_PEAK_NEWTLS},
    {EVENT_AUTH, ANVIL_PEAK_AUTH},
};

static struct metrics *metrics_of(const struct anvil_sessions *sessions)
{
    return engine_metrics(daemon_engine(sessions->daemon));
}

static void session_free(struct anvil_session *session)
{
    struct anvil_sessions *owner = session->owner;

    attr_connection_free(&session->connection);
    decision_clear(&session->decision);
    engine_lease_release(daemon_engine(owner->daemon), &session->lease);
    smtpd_activity_remove(&session->activity);
    *session->link = session->next;
    if (session->next != NULL)
        session->next->link = session->link;
    owner->count--;
    metrics_of(owner)->connections[FACE_ANVIL]--;
    free(session);
    daemon_session_ended(owner->daemon);
}

static void anvil_session_on_close(void *context)
{
    struct anvil_session *session = context;

    session->connection = NULL;
    session_free(session);
}

static bool is_disposable(const struct anvil_session *session)
{
    return !session->activity.is_serving &&
           attr_connection_is_idle(session->connection);
}

static void session_answer(
    struct anvil_session *session, const struct anvil_numbers *numbers)
{
    char text[ANVIL_ANSWER_SIZE];
    size_t len = anvil_answer_format(session->request.kind, numbers, text);

    memset(&session->request, 0, sizeof session->request);
    session->is_unreadable = false;
    attr_connection_reply(session->connection, text, len);
    if (is_disposable(session))
        daemon_session_ended(session->owner->daemon);
}

static void note_statistics(struct anvil_session *session)
{
    struct anvil_statistics *statistics = &session->owner->statistics;
    const uint32_t *count = session->decision.verdict.count;
    time_t now = (time_t)clock_wall_s();

    for (size_t i = 0; i < sizeof peaks / sizeof peaks[0]; i++)
        if (session->decision.event.amount[peaks[i].kind] > 0)
            anvil_statistics_note(statistics, peaks[i].peak,
                count[peaks[i].kind], session->request.ident, now);
    if (session->request.kind == ANVIL_REQUEST_CONNECT) {
        struct store_state state;
        store_state(
            engine_store(daemon_engine(session->owner->daemon)), &state);
        anvil_statistics_note(
            statistics, ANVIL_PEAK_CACHE_SIZE, state.tracked, "", now);
    }
}

static bool requires_proof(const struct decision *decision)
{
    return decision->service != NULL &&
           decision->service->proof == SERVICE_PROOF_REQUIRED;
}

/* Of a request that counts nothing, because it is not understood. */
static void session_answer_judged(struct anvil_session *session)
{
    bool is_passed = session->decision.verdict.kind == VERDICT_PASS;
    static const struct anvil_numbers none = {0};

    if (is_passed && session->is_unreadable)
        is_passed = !requires_proof(&session->decision);
    if (is_passed && !session->is_unreadable)
        log_warn("anvil: pid %ld: unknown request about %s, answered status=-1",
            (long)attr_connection_peer_pid(session->connection),
            session->request.ident);
    session->request.kind =
        is_passed ? ANVIL_REQUEST_UNKNOWN : ANVIL_REQUEST_ANY;
    session_answer(session, is_passed ? &none : &anvil_numbers_refused);
}

static void anvil_session_on_verdict(struct decision *decision)
{
    struct anvil_session *session = decision->context;
    enum anvil_request_kind kind = session->request.kind;

    if (kind == ANVIL_REQUEST_UNKNOWN) {
        session_answer_judged(session);
        return;
    }
    struct anvil_numbers numbers =
        anvil_event_numbers(kind, &decision->verdict);
    if (kind == ANVIL_REQUEST_LOOKUP)
        numbers.tlstr = session->owner->traces;

    if (kind == ANVIL_REQUEST_CONNECT && decision->verdict.kind == VERDICT_PASS)
        engine_lease_take(decision, &session->lease);
    if (!decision->event.peek)
        note_statistics(session);
    session_answer(session, &numbers);
}

/* Traces fill the disk of this machine, so they are counted here alone, in
 * anvil's own kind of window. Whoever asks may serve no client at all. */
static void session_answer_trace(struct anvil_session *session)
{
    struct anvil_sessions *owner = session->owner;
    uint64_t unit_ms =
        engine_config(daemon_engine(owner->daemon))->rate_time_unit_ms;
    uint64_t now_ms = clock_coarse_ms();

    if (owner->traces == 0 || now_ms - owner->traces_since_ms > unit_ms) {
        owner->traces = 0;
        owner->traces_since_ms = now_ms;
    }
    if (owner->traces < ANVIL_NUMBER_MAX)
        owner->traces++;
    const struct anvil_numbers numbers = {.rate = owner->traces};
    session_answer(session, &numbers);
}

static void session_release(struct anvil_session *session)
{
    engine_lease_release(
        daemon_engine(session->owner->daemon), &session->lease);
    session->holder[0] = '\0';
}

/* As anvil does: who was not connected here gives nothing back. */
static void session_disconnect(struct anvil_session *session)
{
    static const struct anvil_numbers none = {0};

    if (strcmp(session->holder, session->request.ident) == 0)
        session_release(session);
    smtpd_activity_leave(&session->activity);
    session_answer(session, &none);
}

static void session_note_client(struct anvil_session *session)
{
    const struct event *event = &session->decision.event;

    if (session->request.kind == ANVIL_REQUEST_CONNECT) {
        session_release(session);
        memcpy(session->holder, session->request.ident, sizeof session->holder);
        smtpd_activity_enter(&session->activity, &session->ident);
    }
    for (unsigned i = 0; i < EVENT_KINDS; i++)
        if (event->amount[i] > 0)
            session->activity.has_seen[i] = true;
}

/* Each time: smtpd comes over one connection with many clients. */
static void session_prove(struct anvil_session *session)
{
    engine_prove(daemon_engine(session->owner->daemon),
        attr_connection_fd(session->connection), &session->decision.event);
}

static const char *session_decide(struct anvil_session *session)
{
    if (!anvil_ident_split(session->request.ident, &session->ident))
        return "an ident that names no service and client";
    anvil_event_fill(
        session->request.kind, &session->ident, &session->decision.event);
    if (session->request.kind != ANVIL_REQUEST_LOOKUP) {
        session_note_client(session);
        session_prove(session);
    }
    engine_decide(daemon_engine(session->owner->daemon), &session->decision);
    return NULL;
}

/* Any event means that smtpd serves somebody: from now on, because the daemon
 * may drain before it is this request's turn. */
static void anvil_session_on_read(void *context)
{
    struct anvil_session *session = context;

    anvil_silence_end(&session->owner->silence);
    switch (session->request.kind) {
    case ANVIL_REQUEST_UNKNOWN:
    case ANVIL_REQUEST_DISCONNECT:
    case ANVIL_REQUEST_LOOKUP:
    case ANVIL_REQUEST_TLSTR:
        break;
    default:
        session->activity.is_serving = true;
    }
}

/* Its service is not known by name, but by the port of the peer. */
static void anvil_session_on_malformed(void *context)
{
    static const struct anvil_ident nobody = {.client_text = ""};
    struct anvil_session *session = context;

    metrics_of(session->owner)->malformed[FACE_ANVIL]++;
    decision_clear(&session->decision);
    session->request.kind = ANVIL_REQUEST_UNKNOWN;
    session->is_unreadable = true;
    session->activity.is_serving = true;
    anvil_event_fill(session->request.kind, &nobody, &session->decision.event);
    session_prove(session);
    engine_decide(daemon_engine(session->owner->daemon), &session->decision);
}

static const char *anvil_session_on_request(void *context)
{
    struct anvil_session *session = context;
    const char *reason = anvil_request_check(&session->request);

    if (reason != NULL)
        return reason;
    switch (session->request.kind) {
    case ANVIL_REQUEST_DISCONNECT:
        session_disconnect(session);
        return NULL;
    case ANVIL_REQUEST_TLSTR:
        session_answer_trace(session);
        return NULL;
    default:
        return session_decide(session);
    }
}

static const char *anvil_session_on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    struct anvil_session *session = context;

    return anvil_request_set(
        &session->request, name, name_len, value, value_len);
}

static const struct attr_events session_events = {
    .face = "anvil",
    .on_attribute = anvil_session_on_attribute,
    .on_read = anvil_session_on_read,
    .on_request = anvil_session_on_request,
    .on_malformed = anvil_session_on_malformed,
    .on_close = anvil_session_on_close,
};

static void session_link(struct anvil_session *session)
{
    struct anvil_sessions *owner = session->owner;

    session->next = owner->first;
    session->link = &owner->first;
    if (owner->first != NULL)
        owner->first->link = &session->next;
    owner->first = session;
    owner->count++;
    metrics_of(owner)->connections[FACE_ANVIL]++;
}

void anvil_sessions_add(
    struct anvil_sessions *sessions, int fd, bool is_greeted)
{
    struct anvil_session *session = xcalloc(1, sizeof *session);
    struct engine *engine = daemon_engine(sessions->daemon);

    session->owner = sessions;
    session->decision.on_verdict = anvil_session_on_verdict;
    session->decision.context = session;
    session->connection =
        attr_connection_new(sessions->batch, fd, &session_events, session);
    if (session->connection == NULL) {
        free(session);
        return;
    }
    session_link(session);
    smtpd_activity_add(sessions->activities, &session->activity,
        attr_connection_peer_pid(session->connection));
    if (!is_greeted && engine_config(engine)->policyd.anvil_greeting)
        attr_connection_greet(
            session->connection, ANVIL_GREETING, ANVIL_GREETING_LEN);
}

static void write_line(const char *line)
{
    log_info("%s", line);
}

static void report_statistics(struct anvil_sessions *sessions)
{
    const struct config *config =
        engine_config(daemon_engine(sessions->daemon));

    anvil_statistics_report(
        &sessions->statistics, config->rate_time_unit_ms, write_line);
}

static void anvil_sessions_on_report(
    evutil_socket_t fd, short what, void *context)
{
    report_statistics(context);
}

struct anvil_sessions *anvil_sessions_new(struct daemon *daemon)
{
    struct anvil_sessions *sessions = xcalloc(1, sizeof *sessions);
    const struct timeval every = {.tv_sec = STATISTICS_SECONDS};

    sessions->daemon = daemon;
    sessions->batch = attr_batch_new(daemon_base(daemon));
    sessions->activities = smtpd_activities_new();
    anvil_silence_init(&sessions->silence);
    sessions->report = event_new(daemon_base(daemon), -1, EV_PERSIST,
        anvil_sessions_on_report, sessions);
    if (sessions->report == NULL || event_add(sessions->report, &every) == -1)
        log_error("anvil: no timer for the statistics lines");
    return sessions;
}

void anvil_sessions_free(struct anvil_sessions **sessions)
{
    if (*sessions == NULL)
        return;
    while ((*sessions)->first != NULL)
        session_free((*sessions)->first);
    report_statistics(*sessions);
    if ((*sessions)->report != NULL)
        event_free((*sessions)->report);
    smtpd_activities_free(&(*sessions)->activities);
    attr_batch_free(&(*sessions)->batch);
    free(*sessions);
    *sessions = NULL;
}

size_t anvil_sessions_count(const struct anvil_sessions *sessions)
{
    return sessions->count;
}

void anvil_sessions_drain(struct anvil_sessions *sessions)
{
    struct anvil_session *next;

    for (struct anvil_session *session = sessions->first; session != NULL;
         session = next) {
        next = session->next;
        if (is_disposable(session))
            session_free(session);
    }
}

bool anvil_sessions_is_idle(const struct anvil_sessions *sessions, pid_t smtpd)
{
    return smtpd_activity_is_between_sessions(sessions->activities, smtpd);
}

void anvil_sessions_see_rcpt(struct anvil_sessions *sessions, pid_t smtpd,
    const struct policy_request *request, uint64_t now_ms)
{
    enum anvil_acquaintance acquaintance =
        smtpd_activity_rcpt(sessions->activities, smtpd,
            engine_config(daemon_engine(sessions->daemon)));

    anvil_silence_note(&sessions->silence, request, acquaintance, now_ms);
}

const char *anvil_sessions_silence(struct anvil_sessions *sessions)
{
    return anvil_silence_text(
        &sessions->silence, clock_coarse_ms(), sessions->silence_text);
}

void anvil_sessions_write_metrics(
    const struct anvil_sessions *sessions, struct evbuffer *out)
{
    char text[ANVIL_SILENCE_TEXT];

    evbuffer_add_printf(out,
        "# HELP tollgate_anvil_silent Is 1 while smtpd does not ask the anvil "
        "face any more.\n"
        "# TYPE tollgate_anvil_silent gauge\n"
        "tollgate_anvil_silent %d\n"
        "# HELP tollgate_anvil_missed_recipients_total Recipients of clients "
        "that smtpd did not ask the anvil face about, but once did.\n"
        "# TYPE tollgate_anvil_missed_recipients_total counter\n"
        "tollgate_anvil_missed_recipients_total %" PRIu64 "\n",
        anvil_silence_text(&sessions->silence, clock_coarse_ms(), text) != NULL,
        sessions->silence.total);
}
