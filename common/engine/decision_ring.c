/*
 * decision_ring.c - see decision_ring.h.
 *
 * One ring for all readers, each with a place of its own. If all of them want
 * refusals only, only those are written, so that a flood of what passes does
 * not push them out.
 */
#include "common/engine/decision_ring.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/decision_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct decision_ring {
    struct ring_record *records; /* NULL: nobody looks on */
    uint64_t next;               /* number of the next record */
    size_t readers, readers_of_all;
};

struct decision_ring *decision_ring_new(void)
{
    return xcalloc(1, sizeof(struct decision_ring));
}

void decision_ring_free(struct decision_ring **ring)
{
    if (*ring == NULL)
        return;
    assert((*ring)->readers == 0);
    free(*ring);
    *ring = NULL;
}

void decision_ring_join(
    struct decision_ring *ring, struct ring_reader *reader, bool refused_only)
{
    if (ring->readers++ == 0)
        ring->records = xcalloc(RING_RECORDS, sizeof *ring->records);
    if (!refused_only)
        ring->readers_of_all++;
    *reader = (struct ring_reader){
        .ring = ring, .refused_only = refused_only, .next = ring->next};
}

void decision_ring_leave(struct ring_reader *reader)
{
    struct decision_ring *ring = reader->ring;

    if (ring == NULL)
        return;
    reader->ring = NULL;
    if (!reader->refused_only)
        ring->readers_of_all--;
    if (--ring->readers > 0)
        return;
    free(ring->records);
    ring->records = NULL;
}

static void copy(char *field, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(field, text, len);
    field[len] = '\0';
}

static bool is_refusal(const struct ring_record *record)
{
    return record->kind != VERDICT_PASS || record->would_refuse ||
           record->is_held || record->postfix_limit > 0;
}

static void fill(struct ring_record *record, const struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct verdict *verdict = &decision->verdict;

    record->at_ms = clock_wall_ms();
    record->asker = event_asker(event);
    memcpy(record->amount, event->amount, sizeof record->amount);
    record->kind = verdict->kind;
    record->reason = verdict->reason;
    record->would_refuse = decision->would_refuse;
    record->is_held = verdict->is_held;
    record->used = verdict->used;
    record->allowed = verdict->allowed;
    record->postfix_limit = decision->postfix_limit;
    record->postfix_count = decision->postfix_count;
    record->window_ms = verdict->window_ms;
    record->retry_ms = verdict->retry_ms;
    record->peer = event->peer;
    copy(record->limit, sizeof record->limit,
        verdict->limit != NULL ? verdict->limit->name : "");
    record->key[0] = '\0';
    if (verdict->limit != NULL)
        decision_key_text(decision, verdict->limit, record->key);
    else if (verdict->reason == REASON_BANNED)
        decision_banned_text(decision, record->key);
    copy(record->service, RING_TEXT, decision->service_title);
    copy(record->client, RING_TEXT, event->client_text);
    copy(record->sasl, RING_TEXT, event->sasl_username);
    copy(record->sender, RING_TEXT, event->sender);
    copy(record->recipient, RING_TEXT, event->recipient);
    copy(record->instance, RING_TEXT, event->instance);
}

/* What nobody acts on has not happened; a peek that passes is followed by the
 * event itself. */
static bool is_worth_telling(const struct decision *decision)
{
    const struct event *event = &decision->event;

    return !event->is_dry && !event->silent &&
           (!event->peek || decision->verdict.kind != VERDICT_PASS);
}

void decision_ring_note(
    struct decision_ring *ring, const struct decision *decision)
{
    if (ring->records == NULL || !is_worth_telling(decision))
        return;
    if (ring->readers_of_all == 0 && decision->verdict.kind == VERDICT_PASS &&
        !decision->would_refuse && !decision->verdict.is_held &&
        decision->postfix_limit == 0)
        return;
    fill(&ring->records[ring->next % RING_RECORDS], decision);
    ring->next++;
}

const struct ring_record *decision_ring_take(
    struct ring_reader *reader, uint64_t *missed)
{
    const struct decision_ring *ring = reader->ring;

    *missed = 0;
    if (ring->next - reader->next > RING_RECORDS) {
        *missed = ring->next - reader->next - RING_RECORDS;
        reader->next += *missed;
    }
    while (reader->next < ring->next) {
        const struct ring_record *record =
            &ring->records[reader->next++ % RING_RECORDS];
        if (!reader->refused_only || is_refusal(record))
            return record;
    }
    return NULL;
}
