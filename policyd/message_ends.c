/* message_ends.c - see message_ends.h. */
#include "policyd/message_ends.h"

#include <string.h>

#define BELIEVED_MS (60u * 60 * 1000)

static char *append(char *out, const char *text)
{
    size_t size = strlen(text) + 1;

    memcpy(out, text, size);
    return out + size;
}

static uint64_t hash_of(
    const struct message_ends *ends, const struct policy_request *request)
{
    char text[sizeof request->policy_context + sizeof request->server_address +
              sizeof request->server_port + 1];
    char *end = append(text, request->policy_context);

    end = append(end, request->server_address);
    end = append(end, request->server_port);
    *end++ = request->sasl_username[0] != '\0';
    return hash_bytes(&ends->key, text, (size_t)(end - text));
}

void message_ends_note(struct message_ends *ends,
    const struct policy_request *request, uint64_t now_ms)
{
    if (request->state != POLICY_DATA &&
        request->state != POLICY_END_OF_MESSAGE)
        return;
    ends->last_ms = now_ms;
    uint64_t hash = hash_of(ends, request);
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
    uint64_t hash = hash_of(ends, request);
    size_t at = hash % MESSAGE_ENDS_MAX;
    if (ends->items[at].hash != hash)
        return POLICY_OTHER;
    if (is_believed(ends->items[at].end_ms, now_ms))
        return POLICY_END_OF_MESSAGE;
    return is_believed(ends->items[at].data_ms, now_ms) ? POLICY_DATA
                                                        : POLICY_OTHER;
}
