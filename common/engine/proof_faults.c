/*
 * proof_faults.c - see proof_faults.h.
 */
#include "common/engine/proof_faults.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <inttypes.h>

#define EVERY_MS 60000

const char *proof_faults_text(
    const struct proof_faults *faults, char text_r[PEER_CAUSE_TEXT_SIZE])
{
    return peer_cause_format(&faults->refusal, faults->cause, text_r);
}

/* What we run under is looked at no more often than it is said: Yama may be
 * set while we run. */
static void warn(struct proof_faults *faults, uint64_t now_ms)
{
    char text[PEER_CAUSE_TEXT_SIZE];

    faults->unsaid++;
    if (faults->warned_ms != 0 && now_ms - faults->warned_ms < EVERY_MS)
        return;
    peer_setting_read(&faults->setting);
    faults->cause = peer_cause_find(&faults->refusal, &faults->setting);
    log_warn("peers cannot be proven (%s), %" PRIu64 " requests: %s",
        peer_cause_name(faults->cause), faults->unsaid,
        proof_faults_text(faults, text));
    faults->warned_ms = now_ms;
    faults->unsaid = 0;
}

enum peer_cause proof_faults_note(
    struct proof_faults *faults, const struct peer *peer)
{
    uint64_t now_ms = clock_coarse_ms();

    if (peer->state == PEER_PROVEN)
        faults->proven_ms = now_ms;
    if (peer->refusal.step == PEER_STEP_NONE)
        return PEER_CAUSE_NONE;
    faults->count++;
    faults->last_ms = now_ms;
    faults->refusal = peer->refusal;
    faults->cause = peer_cause_find(&faults->refusal, &faults->setting);
    warn(faults, now_ms);
    return faults->cause;
}

bool proof_faults_are_total(const struct proof_faults *faults)
{
    return faults->last_ms != 0 && faults->last_ms >= faults->proven_ms &&
           (faults->proven_ms == 0 ||
               clock_coarse_ms() - faults->proven_ms >= EVERY_MS);
}
