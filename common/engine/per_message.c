/*
 * per_message.c - see per_message.h.
 */
#include "common/engine/per_message.h"

#include "common/engine/refusal.h"

/* False: it refuses. */
static bool limit_judge(struct decision *decision, const struct limit *limit)
{
    const struct event *event = &decision->event;
    uint32_t allowed =
        bill_per_message(limit, store_edicts(engine_store(decision->engine)),
            event, decision->service_title);
    const struct refusal refusal = {.limit = limit,
        .kind = EVENT_RECIPIENT,
        .used = event->message_recipients - event->amount[EVENT_RECIPIENT],
        .allowed = allowed,
        .retry_ms = CHARGE_NEVER};

    if (allowed == 0 || event->message_recipients <= allowed)
        return true;
    bool passes = refusal_by_limit(decision, &refusal);
    engine_penalize(decision, &refusal);
    return passes;
}

bool per_message_judge(struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct config_feed *feed =
        &decision->config->feeds[event->face][EVENT_RECIPIENT];

    for (size_t i = 0; event->amount[EVENT_RECIPIENT] > 0 && i < feed->count;
         i++) {
        const struct limit *limit = feed->limits[i];
        if (limit->kind == LIMIT_PER_MESSAGE &&
            limit_applies(limit, event, decision->service_title) &&
            !limit_judge(decision, limit))
            return false;
    }
    return true;
}
