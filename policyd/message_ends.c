/*
 * message_ends.c - see message_ends.h.
 *
 * The hash needs no key (FNV-1a): what goes into it is the administrator's, and
 * it is made for each message.
 */
#include "policyd/message_ends.h"

#include <string.h>

#define BELIEVED_MS (60u * 60 * 1000)

#define FNV_BASIS 14695981039346656037u
#define FNV_PRIME 1099511628211u

static uint64_t add_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
    while (*text++ != '\0');
    return hash;
}

static uint64_t hash_of(const struct policy_request *request)
{
    uint64_t hash = add_text(FNV_BASIS, request->policy_context);

    hash = add_text(hash, request->server_address);
    hash = add_text(hash, request->server_port);
    return hash * FNV_PRIME + (request->sasl_username[0] != '\0');
}

void message_ends_note(struct message_ends *ends,
    const struct policy_request *request, uint64_t now_ms)
{
    if (request->state != POLICY_DATA &&
        request->state != POLICY_END_OF_MESSAGE)
        return;
    ends->last_ms = now_ms;
    uint64_t hash = hash_of(request);
    size_t at = hash % MESSAGE_ENDS_MAX;
    if (ends->items[at].hash != hash) {
        memset(&ends->items[at], 0, sizeof ends->items[at]);
        ends->items[at].hash = hash;
    }
    if (request->state == POLICY_DATA)
        ends->items[at].data_ms = now_ms;
    else
        ends->items[at].end_ms = now_ms;
}

static bool is_believed(uint64_t asked_ms, uint64_t now_ms)
{
    return asked_ms != 0 && now_ms - asked_ms < BELIEVED_MS;
}

enum policy_state message_ends_state(const struct message_ends *ends,
    const struct policy_request *request, uint64_t now_ms)
{
    if (!is_believed(ends->last_ms, now_ms))
        return POLICY_OTHER;
    uint64_t hash = hash_of(request);
    size_t at = hash % MESSAGE_ENDS_MAX;
    if (ends->items[at].hash != hash)
        return POLICY_OTHER;
    if (is_believed(ends->items[at].end_ms, now_ms))
        return POLICY_END_OF_MESSAGE;
    return is_believed(ends->items[at].data_ms, now_ms) ? POLICY_DATA
                                                        : POLICY_OTHER;
}
