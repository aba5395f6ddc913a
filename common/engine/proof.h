/*
 * proof.h - what the engine makes of a session's true peer, and of its claim.
 *
 * Between the peer that net/peer_proof finds and the limits: believes a
 * service's proxies only, and refuses the others before anything is counted.
 * Refuses whatever cannot be attributed to a service while one wants proof.
 */
#ifndef TOLLGATE_ENGINE_PROOF_H
#define TOLLGATE_ENGINE_PROOF_H

#include "common/engine/proof_faults.h"
#include "common/net/peer_proof.h"

struct cidr;
struct config;
struct config_service;
struct decision;
struct trust;

/* Embedded in the engine; all zero at first. */
struct proof {
    struct peer_prover prover;
    struct trust *trust;     /* borrowed; NULL: lists in files and the DNS are
                                empty */
    uint64_t warned_ms;      /* of unproxied mail, last */
    uint64_t unproxied_mail; /* since */
    struct peers *peers;     /* owned; NULL: none was seen */
    struct proof_faults faults;
};

/* Frees peers; the trust is borrowed and stays. */
void proof_clear(struct proof *);

/* A new snapshot: its ports, and the lists that it names. */
void proof_follow(struct proof *, const struct config *);

/* False: the verdict of the decision is set, refused ones have been logged.
 * True: limits decide. */
bool proof_judge(struct proof *, struct decision *);

/*
 * Where the kernel is not asked: a session that came through a gate of ours is
 * known by the name of its pass service. Such a name of another face or host is
 * as good: no client can say it, and master.cf gives it to no other door. One
 * that came to the gate's port by another way is the service's, and unproven.
 */
void proof_know_gate(struct decision *);

/* Is all of this net a trusted proxy of the service? trust: NULL or where its
 * lists in files and the DNS are. */
bool proof_is_proxy(const struct config_service *, const struct trust *,
    const struct cidr *net);

/*
 * Of a session of which only the peer is known: would it be turned away
 * whatever it claims? False where that depends on the name of its service.
 */
bool proof_refuses(
    const struct proof *, const struct config *, const struct peer *);

#endif
