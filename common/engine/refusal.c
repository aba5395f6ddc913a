/*
 * refusal.c - see refusal.h.
 */
#include "common/engine/refusal.h"

#include "common/engine/notices.h"

/* An override of 0 is an order: whoever gave it knows. */
static void tell(const struct decision *decision, const struct refusal *refusal,
    enum notice_kind kind)
{
    struct notices *notices = engine_notices(decision->engine);

    if (notices != NULL && refusal->limit != NULL &&
        limit_tells(refusal->limit) && refusal->allowed > 0 &&
        !decision->event.is_dry)
        notices_note(notices, decision, refusal, kind);
}

void refusal_make(struct decision *decision, const struct refusal *refusal)
{
    struct verdict *verdict = &decision->verdict;

    verdict->kind = VERDICT_REFUSE;
    verdict->is_held = false;
    verdict->reason = refusal->limit != NULL ? REASON_LIMIT : refusal->reason;
    verdict->limit = refusal->limit;
    verdict->used = refusal->used;
    verdict->allowed = refusal->allowed;
    verdict->window_ms = refusal->window_ms;
    verdict->retry_ms = refusal->retry_ms;
    if (decision->event.silent || decision->event.is_dry)
        return;
    if (refusal->limit != NULL)
        metrics_refused(engine_metrics(decision->engine), refusal->limit,
            refusal->kind, false);
    tell(decision, refusal, NOTICE_REFUSED);
    decision_log_refusal(decision, refusal);
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
        metrics_refused(metrics, refusal.limit, refusal.kind, true);
    tell(decision, &refusal, NOTICE_WOULD_REFUSE);
    decision_log_refusal(decision, &refusal);
}
