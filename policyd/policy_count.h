/*
 * policy_count.h - what a policy request counts.
 *
 * Pure. A message counts once, at the first of its requests that passes; each
 * recipient once: at RCPT, or at DATA or END-OF-MESSAGE if Postfix did not
 * ask about it then (a bare RCPT TO:<postmaster> skips the recipient lists).
 * Bytes count at END-OF-MESSAGE. ETRN counts as itself, nothing else counts.
 * Nobody can tell a service that main.cf asks twice at RCPT from two
 * recipients: list it once.
 *
 * Postfix names the message (instance) in all three. Where it is missing all
 * the same, each RCPT counts as a message of its own and DATA and
 * END-OF-MESSAGE count bytes alone: never looser than the limit, and no
 * recipient twice.
 */
#ifndef TOLLGATE_POLICYD_POLICY_COUNT_H
#define TOLLGATE_POLICYD_POLICY_COUNT_H

#include "common/core/event.h"
#include "policyd/policy_request.h"

/* Could it count anything at all? Else nobody need look the message up. */
bool policy_count_is_due(const struct policy_request *);

/*
 * Fills amount and message_recipients of the event; seen is what is known of
 * the message. False: nothing is to be counted.
 */
bool policy_count_fill(const struct policy_request *, struct message_seen seen,
    struct event *event_r);

/* What is known once the event has passed. */
struct message_seen policy_count_passed(
    struct message_seen seen, const struct event *);

#endif
