/*
 * decision_log.h - one line for every decision that refuses, or would have.
 *
 * The keys and their order are the contract (fail2ban reads them).
 */
#ifndef TOLLGATE_ENGINE_DECISION_LOG_H
#define TOLLGATE_ENGINE_DECISION_LOG_H

#include "common/engine/engine.h"

/* What refuses: a limit, a ban, the store's absence, or who the peer is. */
struct refusal {
    const struct limit *limit;     /* NULL: none of them */
    const struct subject *subject; /* whose counter of the limit; NULL: it has
                                      not been written */
    enum verdict_reason reason;    /* without a limit */
    enum event_kind kind;          /* EVENT_KINDS: none was asked about */
    uint32_t used, allowed;
    uint64_t window_ms;
    int64_t retry_ms;
    bool is_shadow;
};

/* Whose counter a limit has at this decision, as limit_key_text says it;
 * "message" where the limit is of one message and counts nothing else. */
char *decision_key_text(const struct decision *, const struct limit *,
    char text[LIMIT_KEY_TEXT_SIZE]);

/* Of the limit: is the counter of this decision one for all of the login's
 * domain (an override with is_total)? */
bool decision_is_total(const struct decision *, const struct limit *);

/*
 * For level debug: what was asked, what became of it and how long the store
 * took
 * ("trace"), and a line for each of its charges ("charge"). Once, at the end of
 * a decision that is not dry.
 */
void decision_log_trace(const struct decision *);

/* Who is banned: that name, in the same words; "" for a network. */
char *decision_banned_text(
    const struct decision *, char text[LIMIT_KEY_TEXT_SIZE]);

/* Nothing for a decision that is dry. */
void decision_log_refusal(const struct decision *, const struct refusal *);

#endif
