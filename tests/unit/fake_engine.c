/*
 * fake_engine.c - see fake_engine.h. Refuses in the words of one limit.
 */
#include "tests/unit/fake_engine.h"

#include "common/engine/daemon.h"
#include "policyd/anvil_session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct fake_engine fake_engine;

static char limit_name[] = "fake";
static char limit_action[] = "450 4.7.1 Error: too much mail from %{client}";
static const struct limit limit = {
    .name = limit_name, .action = limit_action, .n = 1, .window_ms = 1000};

void fake_engine_reset(struct event_base *base)
{
    static struct config config;

    config = (struct config){.references = 1};
    fake_engine = (struct fake_engine){.base = base, .config = &config};
}

/* One sliding limit of recipients. */
static void write_bill(struct decision *decision)
{
    static const struct subject subject = {.len = 5, .text = "u=bob"};

    decision->bill.count = fake_engine.charged > 0 ? 1 : 0;
    decision->bill.items[0] =
        (struct bill_item){.limit = &limit, .kind = EVENT_RECIPIENT};
    decision->bill.charges[0] = (struct charge){.kind = CHARGE_SLIDING,
        .subject = &subject,
        .name = limit_name,
        .limit = 1,
        .amount = fake_engine.charged,
        .window_ms = 86400000};
}

static void give_verdict(struct decision *decision)
{
    enum verdict_kind kind = fake_engine.verdict;

    decision->config = fake_engine.config;
    write_bill(decision);

    decision->verdict = (struct verdict){.kind = kind};
    decision->service = fake_engine.service;
    memcpy(
        decision->verdict.count, fake_engine.count, sizeof fake_engine.count);
    if (kind == VERDICT_REFUSE) {
        decision->verdict.reason = REASON_LIMIT;
        decision->verdict.limit = &limit;
    }
    if (kind == VERDICT_DEFER)
        decision->verdict.reason = REASON_STORE;
    decision->on_verdict(decision);
}

void engine_decide(struct engine *engine, struct decision *decision)
{
    assert(fake_engine.pending == NULL);
    fake_engine.decisions++;
    fake_engine.last = decision->event;
    if (fake_engine.is_async)
        fake_engine.pending = decision;
    else
        give_verdict(decision);
}

bool engine_judges_peers(const struct engine *engine)
{
    return fake_engine.judges_peers;
}

void engine_prove(struct engine *engine, int fd, struct event *event)
{
    fake_engine.proofs++;
    fake_engine.proven_fd = fd;
    event->peer = fake_engine.peer;
}

void fake_engine_answer(void)
{
    struct decision *decision = fake_engine.pending;

    assert(decision != NULL);
    fake_engine.pending = NULL;
    give_verdict(decision);
}

void decision_clear(struct decision *decision)
{
    fake_engine.cleared++;
    if (fake_engine.pending == decision)
        fake_engine.pending = NULL;
}

__attribute__((weak)) struct config *engine_config(const struct engine *engine)
{
    return fake_engine.config;
}

void store_refund(
    struct store *store, const struct charge *charge, uint64_t since_ms)
{
    fake_engine.refunds++;
    fake_engine.refunded += charge->amount;
}

struct store *engine_store(const struct engine *engine)
{
    return NULL;
}

struct metrics *engine_metrics(struct engine *engine)
{
    return &fake_engine.metrics;
}

bool store_is_shared(const struct store *store)
{
    return fake_engine.is_shared;
}

void store_note_write(struct store *store, const char *key, const char *value)
{
    fake_engine.writes++;
    (void)snprintf(
        fake_engine.note_key, sizeof fake_engine.note_key, "%s", key);
    (void)snprintf(
        fake_engine.note_value, sizeof fake_engine.note_value, "%s", value);
}

void fake_engine_recall(void)
{
    struct store_recall *recall = fake_engine.recall;

    assert(recall != NULL);
    fake_engine.recall = NULL;
    recall->on_done(recall, fake_engine.recall_status);
}

void store_note_read(
    struct store *store, const char *key, struct store_recall *recall)
{
    bool is_known = strcmp(key, fake_engine.note_key) == 0;

    assert(fake_engine.recall == NULL);
    fake_engine.recalls++;
    (void)snprintf(recall->value, sizeof recall->value, "%s",
        is_known ? fake_engine.note_value : "");
    fake_engine.recall = recall;
    if (!fake_engine.is_recall_async)
        fake_engine_recall();
}

void store_recall_cancel(struct store *store, struct store_recall *recall)
{
    assert(fake_engine.recall == recall);
    fake_engine.recall = NULL;
    fake_engine.recalls_cancelled++;
}

struct event_base *daemon_base(const struct daemon *daemon)
{
    return fake_engine.base;
}

struct engine *daemon_engine(const struct daemon *daemon)
{
    return NULL;
}

void daemon_session_ended(struct daemon *daemon)
{
    fake_engine.sessions_ended++;
}

__attribute__((weak)) bool anvil_sessions_is_idle(
    const struct anvil_sessions *sessions, pid_t smtpd)
{
    return smtpd == fake_engine.idle_smtpd;
}

__attribute__((weak)) void anvil_sessions_see_rcpt(
    struct anvil_sessions *sessions, pid_t smtpd,
    const struct policy_request *request, uint64_t now_ms)
{
    fake_engine.activities++;
    fake_engine.activity = smtpd;
}
