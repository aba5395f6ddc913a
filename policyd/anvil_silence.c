/*
 * anvil_silence.c - see anvil_silence.h.
 *
 * One slot for each client by a keyed hash: a client that displaces another
 * makes us forget, never invent.
 */
#include "policyd/anvil_silence.h"

#include "common/base/log.h"

#include <stdio.h>
#include <string.h>

#define WARN_EVERY_MS 60000

void anvil_silence_init(struct anvil_silence *silence)
{
    *silence = (struct anvil_silence){.total = 0};
    hash_key_init(&silence->key);
}

void anvil_silence_end(struct anvil_silence *silence)
{
    if (silence->recipients == 0)
        return;
    if (silence->warned_ms != 0)
        log_info("anvil: smtpd asks again");
    silence->recipients = silence->warned_ms = 0;
}

/* By hand: each recipient pays for it. */
static uint64_t hash_of(
    const struct anvil_silence *silence, const struct policy_request *request)
{
    const char *const texts[] = {
        request->client_address, request->server_address, request->server_port};
    char name[sizeof request->client_address + sizeof request->server_address +
              sizeof request->server_port];
    size_t len = 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = strlen(texts[i]) + 1;
        memcpy(name + len, texts[i], size);
        len += size;
    }
    return hash_bytes(&silence->key, name, len);
}

static void miss(struct anvil_silence *silence,
    const struct policy_request *request, uint64_t now_ms)
{
    char text[ANVIL_SILENCE_TEXT];

    if (silence->recipients == 0)
        silence->since_ms = now_ms;
    silence->total++;
    silence->recipients++;
    silence->last_ms = now_ms;
    memcpy(silence->port, request->server_port, sizeof silence->port);
    if (anvil_silence_text(silence, now_ms, text) == NULL ||
        (silence->warned_ms != 0 &&
            now_ms - silence->warned_ms < WARN_EVERY_MS))
        return;
    log_warn("anvil: %s", text);
    silence->warned_ms = now_ms;
}

void anvil_silence_note(struct anvil_silence *silence,
    const struct policy_request *request, enum anvil_acquaintance acquaintance,
    uint64_t now_ms)
{
    if (acquaintance == ANVIL_KNOWN ||
        (acquaintance == ANVIL_STRANGER && !silence->was_asked))
        return;
    silence->was_asked = true;
    uint64_t hash = hash_of(silence, request);
    uint64_t *slot = &silence->asked_about[hash % ANVIL_SILENCE_CLIENTS];
    if (acquaintance == ANVIL_CONNECTED)
        *slot = hash;
    else if (*slot == hash)
        miss(silence, request, now_ms);
}

const char *anvil_silence_text(const struct anvil_silence *silence,
    uint64_t now_ms, char text_r[ANVIL_SILENCE_TEXT])
{
    if (silence->recipients < ANVIL_SILENCE_RECIPIENTS ||
        silence->last_ms - silence->since_ms < ANVIL_SILENCE_MS ||
        now_ms - silence->last_ms >= ANVIL_SILENCE_STALE_MS)
        return NULL;
    snprintf(text_r, ANVIL_SILENCE_TEXT,
        "smtpd does not ask the anvil face any more, last at port %.7s: its "
        "limits and proofs there are off; see the last anvil line of "
        "master.cf and the smtpd_client_ limits (tollgatectl doctor)",
        silence->port);
    return text_r;
}
