/*
 * warning.c - see warning.h.
 *
 * What the store has counted is compared with what it was asked to allow, so
 * an override, or the share of an outage, is warned of at its own bound.
 */
#include "common/engine/warning.h"

#include "common/engine/notices.h"

static bool is_near(const struct bill_item *item, const struct charge *charge)
{
    return item->limit != NULL && item->limit->notify_at > 0 && item->n > 0 &&
           !charge->refused &&
           (uint64_t)charge->used * 100 >=
               (uint64_t)charge->limit * item->limit->notify_at;
}

void warning_judge(const struct decision *decision)
{
    const struct event *event = &decision->event;
    struct notices *notices = engine_notices(decision->engine);

    if (notices == NULL || event->peek || event->silent || event->is_dry)
        return;
    for (size_t i = 0; i < decision->bill.count; i++) {
        const struct bill_item *item = &decision->bill.items[i];
        const struct charge *charge = &decision->bill.charges[i];
        const struct refusal near = {.limit = item->limit,
            .subject = charge->subject,
            .kind = item->kind,
            .used = charge->used,
            .allowed = item->n,
            .window_ms = item->window_ms};
        if (is_near(item, charge))
            notices_note(notices, decision, &near, NOTICE_WARNED);
    }
}
