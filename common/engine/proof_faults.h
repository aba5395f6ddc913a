/*
 * proof_faults.h - proofs that the kernel refused: counted by cause, said in
 * the log once a minute, and kept for readyz and `status`.
 */
#ifndef TOLLGATE_ENGINE_PROOF_FAULTS_H
#define TOLLGATE_ENGINE_PROOF_FAULTS_H

#include "common/net/peer_cause.h"

/* Embedded in the engine's proof; all zero at first. Times are of
 * clock_coarse_ms; 0: never. */
struct proof_faults {
    uint64_t count;
    uint64_t last_ms, proven_ms, warned_ms;
    uint64_t unsaid;             /* since the last warning */
    struct peer_refusal refusal; /* the last one */
    enum peer_cause cause;       /* its cause */
    struct peer_setting setting; /* as of the last warning */
};

/* What came of a proof: the cause if the kernel refused, else NONE. */
enum peer_cause proof_faults_note(struct proof_faults *, const struct peer *);

/* Nobody can be proven now: the last proof was refused, and none has succeeded
 * in the minute before. */
bool proof_faults_are_total(const struct proof_faults *);

/* Of the last one, with what to do. */
const char *proof_faults_text(
    const struct proof_faults *, char text_r[PEER_CAUSE_TEXT_SIZE]);

#endif
