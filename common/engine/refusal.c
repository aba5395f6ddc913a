/*
 * refusal.c - see refusal.h.
 */
#include "common/engine/refusal.h"

#include "common/engine/notices.h"

/* An override of 0 is an order: whoever gave it knows. */
static void notice(const struct decision *decision,
    const struct refusal *refusal, enum notice_kind kind)
{
    struct notices *notices = engine_notices(decision->engine);

    if (notices != NULL && refusal->limit != NULL &&
        limit_tells(refusal->limit) && refusal->allowed > 0 &&
        !decision->event.is_dry)
        notices_note(notices, decision, refusal, kind);
}

static void fill(struct decision *decision, const struct refusal *refusal)
{
    struct verdict *verdict = &decision->verdict;

    verdict->reason = refusal->limit != NULL ? REASON_LIMIT : refusal->reason;
    verdict->limit = refusal->limit;
    verdict->is_total =
        refusal->limit != NULL && decision_is_total(decision, refusal->limit);
    verdict->used = refusal->used;
    verdict->allowed = refusal->allowed;
    verdict->window_ms = refusal->window_ms;
    verdict->retry_ms = refusal->retry_ms;
}

static void tell(struct decision *decision, const struct refusal *refusal,
    enum metrics_refusal how)
{
    if (decision->event.silent || decision->event.is_dry)
        return;
    if (refusal->limit != NULL)
        metrics_refused(engine_metrics(decision->engine), refusal->limit,
            refusal->kind, how);
    notice(
        decision, refusal, how == METRICS_HELD ? NOTICE_HELD : NOTICE_REFUSED);
    decision_log_refusal(decision, refusal);
}

void refusal_make(struct decision *decision, const struct refusal *refusal)
{
    decision->verdict.kind = VERDICT_REFUSE;
    decision->verdict.is_held = false;
    fill(decision, refusal);
    tell(decision, refusal, METRICS_REFUSED);
}

void refusal_hold(struct decision *decision, const struct refusal *refusal)
{
    if (!decision->verdict.is_held)
        fill(decision, refusal);
    decision->verdict.is_held = true;
    if (!decision->event.peek)
        tell(decision, refusal, METRICS_HELD);
}

void refusal_note_shadow(struct decision *decision, struct refusal refusal)
{
    struct metrics *metrics = engine_metrics(decision->engine);

    decision->would_refuse = true;
    if (decision->event.peek)
        return;
    refusal.is_shadow = true;
    metrics->shadow_refusals[decision->event.face]++;
    if (refusal.limit != NULL)
        metrics_refused(metrics, refusal.limit, refusal.kind, METRICS_SHADOWED);
    notice(decision, &refusal, NOTICE_WOULD_REFUSE);
    decision_log_refusal(decision, &refusal);
}

bool refusal_by_limit(struct decision *decision, const struct refusal *refusal)
{
    if (refusal->limit->shadow) {
        refusal_note_shadow(decision, *refusal);
        return true;
    }
    if (refusal->limit->holds) {
        refusal_hold(decision, refusal);
        return true;
    }
    refusal_make(decision, refusal);
    return false;
}
