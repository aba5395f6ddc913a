/*
 * engine.h - decides. One function, one path, for every face.
 *
 * A request in the fewest hops:
 *   attr_connection_on_readable (bytes) -> attr_scan, policy_request_set ->
 *   attr_batch (with other requests that wait) -> policy_session_on_request ->
 *   policy_count_fill (event) -> engine_decide ->
 *   bill_write (limit_applies, limit_subject) -> store_charge ->
 *   engine_on_charged -> struct verdict -> verdict_action -> "action=...".
 *
 * Order of the checks: proof, claim, ban, exemption, limits. An exempt client
 * is free of limits by client, not of those by login. All limits of an event go
 * to the store as one request. If the store is away, each limit does what its
 * on_store_failure says; a decision is never later than store_timeout + 20 ms.
 */
#ifndef TOLLGATE_ENGINE_ENGINE_H
#define TOLLGATE_ENGINE_ENGINE_H

#include "common/config/config.h"
#include "common/core/verdict.h"
#include "common/engine/bill.h"
#include "common/engine/metrics.h"
#include "common/store/store.h"

struct engine;
struct peer_ports;
struct tops;
struct usages;
struct trust;
struct decision_ring;

/*
 * One question under way; embedded in a face's session and used again for the
 * next. The face sets event, on_verdict and context; zero everything once.
 * on_verdict is called exactly once, perhaps before engine_decide returns.
 */
struct decision {
    struct event event;
    void (*on_verdict)(struct decision *);
    void *context;

    struct verdict verdict;
    struct config *config; /* the snapshot that this decision began with; held
                              until the next engine_decide or decision_clear */

    /* The engine's. */
    struct engine *engine;
    const char *service_title;
    const struct config_service *service; /* in config; NULL: no section */
    struct store_request request;
    uint64_t started_us;
    bool would_refuse; /* a limit that is a shadow */
    /* smtpd will refuse the count that the anvil face is about to report, by
     * this limit of its own. 0: it will not, or that is not known. */
    uint32_t postfix_limit, postfix_count;
    char ban_action[EDICT_ACTION_SIZE]; /* of the ban, which may go before */
    struct bill bill;
};

/* The store is borrowed; of the snapshot the engine holds a reference. */
struct engine *engine_new(struct store *, struct config *);
/* No decision may be under way. */
void engine_free(struct engine **);

/*
 * Sets event->peer: who is behind the unix socket fd that a request came
 * over. Every request anew, before engine_decide; needs event->service. Costs
 * nothing where no service wants proof.
 */
void engine_prove(struct engine *, int fd, struct event *);
/* Must every request be decided, also one that counts nothing? Bans and
 * peers are judged at each. */
bool engine_judges_peers(const struct engine *);
/* Before anything is asked about a session: whatever comes, will it be turned
 * away for its peer? */
bool engine_refuses_peer(const struct engine *, const struct peer *);
/* Where the services that want proof have their clients: for a prover of the
 * caller's own. Until the next reload. */
const struct peer_ports *engine_ports(const struct engine *);
/* Where lists of trusted proxies in files and the DNS are; borrowed. */
void engine_use_trust(struct engine *, struct trust *);
struct trust *engine_trust(const struct engine *); /* NULL: none */
/* Postfix's own limits; borrowed. NULL: they are not known. */
struct postfix_limits;
void engine_use_postfix_limits(struct engine *, const struct postfix_limits *);
/* As postfix_limits_of says. */
uint32_t engine_postfix_limit(
    const struct engine *, const char *service, enum event_kind);

/* on_verdict is called once, perhaps before this returns. */
void engine_decide(struct engine *, struct decision *);
/* The session goes away: no on_verdict any more; releases the snapshot. */
void decision_clear(struct decision *);

/*
 * The end of what an EVENT_CONNECTION_COUNT began and VERDICT_PASS let in.
 * The lease remembers whose place it was, over a reload too.
 */
struct engine_lease {
    size_t count;
    struct {
        struct subject subject;
        char name[40];
    } held[LEASES_MAX];
};
/* After a passing verdict: takes over the places that the decision holds. */
void engine_lease_take(struct decision *, struct engine_lease *);
void engine_lease_release(struct engine *, struct engine_lease *);
/* Places that a part of the store has given, while what is decided without the
 * rest refuses: all or nothing. */
void engine_lease_give_back(struct decision *);

/*
 * Titles of services that there are counters for: the sections', and names
 * that faces have given since start, at most ENGINE_SERVICES_MAX in all.
 * Borrowed, until the next decision or reload.
 */
#define ENGINE_SERVICES_MAX 64
size_t engine_services(
    const struct engine *, const char *titles_r[ENGINE_SERVICES_MAX]);

/* Who came for proxied services; NULL: nobody yet. Borrowed. */
struct peers;
const struct peers *engine_peers(const struct engine *);

/* Proofs that the kernel refused. Borrowed. */
struct proof_faults;
const struct proof_faults *engine_proof_faults(const struct engine *);

/* A gateway that hides the clients of a service now; NULL: none does. */
struct gateway_seen;
const struct gateway_seen *engine_gateway(const struct engine *);

/* Who is told of refusals; borrowed, until it is taken away with NULL. */
struct notices;
void engine_use_notices(struct engine *, struct notices *);
struct notices *engine_notices(const struct engine *); /* NULL: nobody */

/* Where lines of refusals that repeat are gathered; borrowed. NULL, or where
 * log_refusals is "all": nowhere. */
struct log_gather;
void engine_use_log_gather(struct engine *, struct log_gather *);
struct log_gather *engine_log_gather(const struct engine *);

/* Who comes most, and decisions as they happen; owned by the engine. */
struct tops *engine_tops(struct engine *);
/* What came to each limit, for reports; NULL: nobody has asked for them. */
struct usages *engine_usages(struct engine *);
struct decision_ring *engine_ring(struct engine *);

/* A limit has refused by the counter of its own key; its penalty, if it has
 * one, takes its course. */
struct refusal;
void engine_penalize(const struct decision *, const struct refusal *);

/* Decisions that begin from now on are made by this snapshot. */
void engine_reload(struct engine *, struct config *);
struct config *engine_config(const struct engine *); /* borrowed */
/* Borrowed, as the metrics are. */
struct store *engine_store(const struct engine *);
struct metrics *engine_metrics(struct engine *);

#endif
