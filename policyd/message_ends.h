/*
 * message_ends.h - in which state a Postfix asks last about a message.
 *
 * What is learned from requests: a message that was named at RCPT and never
 * again was given up, but only if its Postfix would have asked once more. Known
 * for one hour by the service (policy_context, server_address, server_port) and
 * by whether the client has authenticated, since both decide which restrictions
 * smtpd has. Bounded; what falls out is learned again.
 */
#ifndef TOLLGATE_POLICYD_MESSAGE_ENDS_H
#define TOLLGATE_POLICYD_MESSAGE_ENDS_H

#include "policyd/policy_request.h"

#define MESSAGE_ENDS_MAX 256 /* a power of two */

/* All zero at first. */
struct message_ends {
    uint64_t last_ms; /* any was asked last; 0: never */
    struct {
        uint64_t hash;
        uint64_t data_ms, end_ms; /* asked last; 0: never */
    } items[MESSAGE_ENDS_MAX];
};

/* A request has come. now_ms: monotonic, not 0. */
void message_ends_note(
    struct message_ends *, const struct policy_request *, uint64_t now_ms);
/* POLICY_END_OF_MESSAGE, else POLICY_DATA; POLICY_OTHER: neither is asked. */
enum policy_state message_ends_state(const struct message_ends *,
    const struct policy_request *, uint64_t now_ms);

#endif
