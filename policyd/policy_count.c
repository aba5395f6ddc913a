/*
 * policy_count.c - what a policy request counts.
 *
 * Knows the sense of the protocol's states and nothing of limits or sockets.
 * A recipient that Postfix refuses for reasons of its own after our DUNNO has
 * been counted all the same, so recipient_count may well be below what was
 * charged; only what goes beyond it is new.
 */
#include "policyd/policy_count.h"

bool policy_count_is_due(const struct policy_request *request)
{
    return request->state != POLICY_OTHER;
}

static uint32_t new_recipients(
    const struct policy_request *request, struct message_seen seen)
{
    if (request->state == POLICY_RCPT)
        return 1;
    if (request->instance[0] == '\0' ||
        request->recipient_count <= seen.recipients)
        return 0;
    return request->recipient_count - seen.recipients;
}

static bool is_new_message(
    const struct policy_request *request, struct message_seen seen)
{
    if (request->instance[0] == '\0')
        return request->state == POLICY_RCPT;
    return !seen.is_counted;
}

static uint32_t add_capped(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

bool policy_count_fill(const struct policy_request *request,
    struct message_seen seen, struct event *event_r)
{
    uint32_t recipients = 0, messages = 0, bytes = 0;
    const uint32_t etrns = request->state == POLICY_ETRN ? 1 : 0;

    if (policy_count_is_due(request) && etrns == 0) {
        recipients = new_recipients(request, seen);
        messages = is_new_message(request, seen) ? 1 : 0;
    }
    if (request->state == POLICY_END_OF_MESSAGE)
        bytes = request->size;

    event_r->amount[EVENT_MESSAGE] = messages;
    event_r->amount[EVENT_RECIPIENT] = recipients;
    event_r->amount[EVENT_BYTES] = bytes;
    event_r->amount[EVENT_ETRN] = etrns;
    event_r->message_recipients =
        recipients > 0 ? add_capped(seen.recipients, recipients) : 0;
    return (messages | recipients | bytes | etrns) != 0;
}

struct message_seen policy_count_passed(
    struct message_seen seen, const struct event *event)
{
    if (event->amount[EVENT_MESSAGE] > 0)
        seen.is_counted = true;
    seen.recipients =
        add_capped(seen.recipients, event->amount[EVENT_RECIPIENT]);
    return seen;
}
