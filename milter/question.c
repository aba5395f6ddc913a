/*
 * question.c - see question.h.
 *
 * The upper half runs in callbacks, the lower in the loop; only the bridge
 * stands between. What a late question has charged stays charged if its message
 * is over by then, and places that it took are given back when its session
 * ends: what is late is the answer, not the count.
 */
#include "milter/question.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/receipts.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLACK_MS     20 /* beyond store_timeout */
#define LOG_EVERY_MS 10000
/* Bans are here within half a second, and obeyed within one. */
#define BANS_EVERY_MS 200

struct judge {
    struct daemon *daemon;
    struct bridge *bridge;
    struct event *tick;
    unsigned config_flags;
    uint64_t timeout_ms;
    LIST_HEAD(, question) running;
    uint64_t late, late_logged_ms;
};

/* Its job tells the loop that the session is over. */
struct seat {
    struct bridge_job job;
    struct judge *judge;
    struct engine_lease lease;
    struct receipts receipts;
    uint32_t message;   /* that they are of */
    uint32_t sent;      /* as the session has left */
    unsigned questions; /* of it that are under way */
    bool is_counted;    /* in the metrics */
    bool is_gone;
};

/* Tells the loop that a message is over. */
struct abandoning {
    struct bridge_job job;
    struct seat *seat;
    uint32_t message;
};

struct question {
    struct bridge_job job;
    struct judge *judge;
    LIST_ENTRY(question) link;
    struct seat *seat; /* NULL: the loop has ended */
    bool takes_places, is_end;
    uint32_t message, sent;
    uint64_t asked_ms;
    bool is_about_harvest; /* asked first; then amount */
    uint32_t amount[EVENT_KINDS];
    struct question_answer answer;
    struct decision decision;

    char service[256], client[64], sasl_username[256], sender[512],
        recipient[512], helo[512], instance[256];
};

/* In callbacks */

static const char *copy(char *out, size_t size, const char *text)
{
    int len = snprintf(out, size, "%s", text);
    return len < 0 ? "" : out;
}

#define COPY(question, field, text) \
    copy((question)->field, sizeof(question)->field, text)

static void question_run(struct bridge_job *);

static struct question *question_new(
    struct judge *judge, const struct question_asked *asked)
{
    struct question *question = xcalloc(1, sizeof *question);
    const struct event *event = asked->event;
    struct event *own = &question->decision.event;

    question->job.run = question_run;
    question->job.destroy = bridge_job_free;
    question->judge = judge;
    question->seat = asked->seat;
    question->takes_places = asked->takes_places;
    question->is_end = asked->is_end;
    question->message = asked->message;
    question->sent = asked->sent;
    question->is_about_harvest = asked->asks_about_harvest;
    question->answer.is_late = true;
    memcpy(question->amount, event->amount, sizeof question->amount);
    *own = *event;
    own->service = COPY(question, service, event->service);
    own->client_text = COPY(question, client, event->client_text);
    own->sasl_username = COPY(question, sasl_username, event->sasl_username);
    own->sender = COPY(question, sender, event->sender);
    own->recipient = COPY(question, recipient, event->recipient);
    own->helo = COPY(question, helo, event->helo);
    own->instance = COPY(question, instance, event->instance);
    return question;
}

void question_ask(struct judge *judge, const struct question_asked *asked,
    struct question_answer *answer_r)
{
    struct question *question = question_new(judge, asked);

    if (bridge_ask(judge->bridge, &question->job, judge->timeout_ms)) {
        *answer_r = question->answer;
        free(question);
    } else {
        memset(answer_r, 0, sizeof *answer_r);
        answer_r->is_late = true;
    }
}

static void seat_run(struct bridge_job *);

struct seat *seat_new(struct judge *judge)
{
    struct seat *seat = xcalloc(1, sizeof *seat);

    seat->job.run = seat_run;
    seat->job.destroy = bridge_job_free;
    seat->judge = judge;
    bridge_session_began(judge->bridge);
    return seat;
}

static void abandoning_run(struct bridge_job *);

void seat_abandon(struct seat *seat, uint32_t message)
{
    struct abandoning *abandoning = xcalloc(1, sizeof *abandoning);

    abandoning->job.run = abandoning_run;
    abandoning->job.destroy = bridge_job_free;
    abandoning->seat = seat;
    abandoning->message = message;
    bridge_tell(seat->judge->bridge, &abandoning->job);
}

void seat_leave(struct seat **seat, uint32_t sent)
{
    struct bridge_job *job = &(*seat)->job;

    (*seat)->sent = sent;
    bridge_tell((*seat)->judge->bridge, job);
    *seat = NULL;
}

/* In the loop */

static struct engine *engine_of(const struct judge *judge)
{
    return daemon_engine(judge->daemon);
}

/* Whatever message it has receipts of is over. */
static void seat_settle(struct seat *seat, uint32_t sent)
{
    if (seat->message == sent)
        receipts_clear(&seat->receipts);
    else
        receipts_give_back(&seat->receipts, engine_of(seat->judge));
}

static void seat_free(struct seat *seat)
{
    struct judge *judge = seat->judge;

    seat_settle(seat, seat->sent);
    engine_lease_release(engine_of(judge), &seat->lease);
    if (seat->is_counted)
        engine_metrics(engine_of(judge))->connections[FACE_MILTER]--;
    bridge_finish(&seat->job);
    bridge_session_ended(judge->bridge);
    daemon_session_ended(judge->daemon);
}

static void seat_run(struct bridge_job *job)
{
    struct seat *seat = (struct seat *)job;

    seat->is_gone = true;
    if (seat->questions == 0)
        seat_free(seat);
}

static void abandoning_run(struct bridge_job *job)
{
    const struct abandoning *abandoning = (const struct abandoning *)job;
    struct seat *seat = abandoning->seat;

    if (seat->message == abandoning->message) {
        receipts_give_back(&seat->receipts, engine_of(seat->judge));
        seat->message++;
    }
    bridge_finish(job);
}

static void seat_begin(struct seat *seat, const struct question *question)
{
    seat->questions++;
    if (seat->message != question->message)
        seat_settle(seat, question->sent);
    seat->message = question->message;
    if (!question->takes_places)
        return;
    seat->is_counted = true;
    engine_metrics(engine_of(seat->judge))->connections[FACE_MILTER]++;
}

/* What has passed by now, of the message that is still under way. */
static void seat_keep(struct seat *seat, const struct question *question)
{
    const struct decision *decision = &question->decision;

    if (decision->verdict.kind == VERDICT_PASS && !question->is_end &&
        seat->message == question->message &&
        decision->config->unsent_messages != UNSENT_KEEP)
        receipts_add(&seat->receipts, decision, question->asked_ms);
}

static void seat_end(struct seat *seat)
{
    seat->questions--;
    if (seat->is_gone && seat->questions == 0)
        seat_free(seat);
}

static void judge_note_late(struct judge *judge)
{
    uint64_t now_ms = clock_monotonic_ms();

    judge->late++;
    if (judge->late > 1 && now_ms < judge->late_logged_ms + LOG_EVERY_MS)
        return;
    judge->late_logged_ms = now_ms;
    log_warn("%llu callbacks so far were answered without a decision: the "
             "loop was late",
        (unsigned long long)judge->late);
}

static void question_settle(struct question *question)
{
    struct judge *judge = question->judge;

    decision_clear(&question->decision);
    LIST_REMOVE(question, link);
    if (question->seat != NULL)
        seat_end(question->seat);
    if (!bridge_finish(&question->job))
        judge_note_late(judge);
}

static void question_answer(struct question *question)
{
    struct decision *decision = &question->decision;
    struct question_answer *answer = &question->answer;

    answer->is_late = false;
    answer->kind = decision->verdict.kind;
    answer->is_harvest = question->is_about_harvest;
    answer->is_held = decision->verdict.is_held;
    if (answer->kind != VERDICT_PASS || answer->is_held)
        verdict_action(&decision->verdict, &decision->event, answer->action);
    (void)COPY(answer, header, decision->config->milter.header);
    if (question->takes_places)
        engine_lease_take(decision, &question->seat->lease);
    seat_keep(question->seat, question);
    question_settle(question);
}

static void question_on_verdict(struct decision *decision)
{
    struct question *question = decision->context;

    if (question->is_about_harvest && decision->verdict.kind == VERDICT_PASS) {
        question->is_about_harvest = false;
        decision->event.peek = false;
        memcpy(
            decision->event.amount, question->amount, sizeof question->amount);
        engine_decide(engine_of(question->judge), decision);
        return;
    }
    question_answer(question);
}

static void question_run(struct bridge_job *job)
{
    struct question *question = (struct question *)job;
    struct judge *judge = question->judge;
    struct event *event = &question->decision.event;

    LIST_INSERT_HEAD(&judge->running, question, link);
    question->asked_ms = clock_coarse_ms();
    seat_begin(question->seat, question);
    if (question->is_about_harvest) {
        memset(event->amount, 0, sizeof event->amount);
        event->amount[EVENT_REJECTED_RECIPIENT] = 1;
        event->peek = true;
    }
    question->decision.on_verdict = question_on_verdict;
    question->decision.context = question;
    engine_decide(engine_of(judge), &question->decision);
}

/* Names that are banned, which come from a person or the store at any time. */
static void follow_bans(struct judge *judge)
{
    unsigned banned =
        edict_table_banned(store_edicts(engine_store(engine_of(judge))));
    unsigned flags = judge->config_flags;

    if ((banned & ~(1u << KEY_CLIENT)) != 0)
        flags |= QUESTION_BANS;
    if ((banned & 1u << KEY_HELO) != 0)
        flags |= QUESTION_HELO;
    bridge_set_flags(judge->bridge, flags);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    follow_bans(context);
}

void judge_follow(struct judge *judge, const struct config *config)
{
    unsigned flags = 0;
    size_t count = 0;

    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *limit = &config->limits[i];
        if (limit->at != FACE_MILTER)
            continue;
        count++;
        flags |= 1u << event_kind_cause(limit->event);
        if ((limit->key & 1u << KEY_HELO) != 0)
            flags |= QUESTION_HELO;
        if (limit->on_store_failure == STORE_FAILURE_DEFER && !limit->shadow)
            flags |= QUESTION_DEFER_LATE;
    }
    if (config->milter.header[0] != '\0')
        flags |= QUESTION_HEADER;
    if (config->judges_peers)
        flags |= QUESTION_JUDGES_PEERS;
    if (config->requires_proof)
        flags |= QUESTION_REQUIRES_PROOF;
    judge->config_flags = flags;
    follow_bans(judge);
    if (count == 0 && !config->judges_peers)
        log_warn("no limit is fed by the milter: client_limits_at or at of a "
                 "limit would have to be \"milter\"");
    else
        log_info("%zu limits are fed by the milter", count);
}

struct judge *judge_new(struct daemon *daemon, struct bridge *bridge)
{
    static const struct timeval every = {.tv_usec = BANS_EVERY_MS * 1000};
    const struct config *config = engine_config(daemon_engine(daemon));
    struct judge *judge = xcalloc(1, sizeof *judge);

    judge->daemon = daemon;
    judge->bridge = bridge;
    judge->timeout_ms = config->store_timeout_ms + SLACK_MS;
    LIST_INIT(&judge->running);
    judge_follow(judge, config);
    judge->tick =
        event_new(daemon_base(daemon), -1, EV_PERSIST, on_tick, judge);
    if (judge->tick == NULL || event_add(judge->tick, &every) == -1)
        abort();
    return judge;
}

/* Callbacks may still come, so what they use stays. */
void judge_close(struct judge *judge)
{
    struct question *question;

    event_free(judge->tick);
    judge->tick = NULL;
    while ((question = LIST_FIRST(&judge->running)) != NULL) {
        question->seat = NULL;
        question_settle(question);
    }
}
