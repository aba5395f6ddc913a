/*
 * policy_request.h - one request of Postfix's SMTP access policy protocol.
 *
 * Pure: keeps the attributes that we use, by name. Unknown ones are ignored
 * (each Postfix release adds some), absent ones are empty or 0, a repeated
 * one counts as it came last. A protocol_state that we do not know counts
 * nothing; it is no error.
 *
 * What does not fit: client_address, server_address and instance are made by
 * Postfix, so a long one is malformed. The others come from whoever sends mail
 * and must not break it: of a longer value the end is kept, where the domain
 * stands, so that nobody leaves a domain's limit by a long local part.
 *
 * Source: SMTPD_POLICY_README.
 */
#ifndef TOLLGATE_POLICYD_POLICY_REQUEST_H
#define TOLLGATE_POLICYD_POLICY_REQUEST_H

#include "policyd/message_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, the word in protocol_state): those that count something. */
#define POLICY_STATES(X) \
    X(RCPT, "RCPT") \
    X(DATA, "DATA") \
    X(END_OF_MESSAGE, "END-OF-MESSAGE") \
    X(ETRN, "ETRN")

#define POLICY_STATE_MEMBER(name, word) POLICY_##name,
#define POLICY_STATE_WORD(name, word)   word,
/* POLICY_OTHER: all others, and words that we do not know. */
enum policy_state { POLICY_OTHER, POLICY_STATES(POLICY_STATE_MEMBER) };

/* All zero at first. Texts are NUL-terminated. */
struct policy_request {
    bool is_policy; /* request=smtpd_access_policy was there */
    enum policy_state state;
    uint32_t recipient_count; /* numbers stop at UINT32_MAX */
    uint32_t size;
    char client_address[64];
    char server_address[64]; /* of the PROXY header's destination, if any */
    char server_port[8];     /* its port, or a word */
    char instance[MESSAGE_INSTANCE_SIZE];
    char policy_context[256];
    char sasl_username[256];
    char helo_name[512];
    char sender[512];
    char recipient[512];
};

/* Ready for the next request; touches only what the last one has set. */
void policy_request_reset(struct policy_request *);

/* An attr_handler (attr_scan.h); request is a struct policy_request. */
const char *policy_request_set(void *request, const char *name, size_t name_len,
    const char *value, size_t value_len);

/* After the last attribute: NULL, or why this is not a policy request. */
const char *policy_request_check(const struct policy_request *);

#endif
