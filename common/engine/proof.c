/*
 * proof.c - see proof.h.
 *
 * Nothing here asks the kernel or waits: the peer is in the event, the lists
 * are in memory. What fails closed and why: a session whose port is not known
 * may belong to a service that wants proof, and behind postscreen no name
 * would tell.
 */
#include "common/engine/proof.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/log.h"
#include "common/engine/decision_log.h"
#include "common/engine/peers.h"
#include "common/net/trust.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WARN_EVERY_MS 60000

void proof_clear(struct proof *proof)
{
    free(proof->peers);
    proof->peers = NULL;
}

void proof_follow(struct proof *proof, const struct config *config)
{
    memset(&proof->prover.services, 0, sizeof proof->prover.services);
    if (proof->trust != NULL)
        trust_begin(proof->trust);
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        if (service->wants_proof && service->port != 0)
            peer_ports_add(&proof->prover.services, (uint16_t)service->port);
        for (char **source = service->trusted_sources;
             proof->trust != NULL && *source != NULL; source++)
            trust_want(proof->trust, *source);
    }
    if (proof->trust != NULL)
        trust_end(proof->trust);
}

/* Of a listener that master.cf calls "PORT", "HOST:PORT" or "[HOST]:PORT"; 0:
 * this is none. */
static uint16_t port_in_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    const char *text = colon != NULL ? colon + 1 : name;
    uint64_t port;

    if (!decimal_read(&text, UINT16_MAX, &port) || *text != '\0')
        return 0;
    return (uint16_t)port;
}

void proof_know_gate(struct decision *decision)
{
    const struct config *config = decision->config;
    struct event *event = &decision->event;

    if (config->wants_proof || event->peer.state != PEER_NOT_ASKED)
        return;
    if (decision->service == NULL)
        decision->service =
            config_find_gate(config, port_in_name(event->service));
    else if (config_is_behind_gate(decision->service, event->service))
        event->peer = (struct peer){
            .state = PEER_GATED, .port = (uint16_t)decision->service->port};
}

/* A service and who knows its lists. */
struct proxies {
    const struct config_service *service;
    const struct trust *trust;
};

bool proof_is_proxy(const struct config_service *service,
    const struct trust *trust, const struct cidr *net)
{
    if (cidr_list_contains_net(&service->trusted_nets, net))
        return true;
    for (char **source = service->trusted_sources;
         trust != NULL && *source != NULL; source++)
        if (trust_contains(trust, *source, net))
            return true;
    return false;
}

static bool is_proxy(const void *context, const struct cidr *net)
{
    const struct proxies *proxies = context;

    return proof_is_proxy(proxies->service, proxies->trust, net);
}

static bool is_trusted(const struct proxies *proxies, const struct peer *peer)
{
    const struct cidr net =
        cidr_of(&peer->address, address_bits(&peer->address));

    return peer->state == PEER_ASSUMED || peer->state == PEER_GATED ||
           (peer->state == PEER_PROVEN && is_proxy(proxies, &net));
}

static void count_proof(const struct decision *decision, bool is_believed)
{
    static const enum proof_result results[PEER_STATES] = {
        [PEER_UNPROVEN] = PROOF_UNPROVEN,
        [PEER_LOCAL] = PROOF_LOCAL,
        [PEER_ELSEWHERE] = PROOF_LOCAL,
        [PEER_INET] = PROOF_INET,
    };
    const struct event *event = &decision->event;
    enum proof_result result = results[event->peer.state];

    if (event->peer.state == PEER_NOT_ASKED || event->is_dry || event->is_gate)
        return;
    if (event->peer.state == PEER_PROVEN)
        result = is_believed ? PROOF_TRUSTED : PROOF_UNTRUSTED;
    engine_metrics(decision->engine)->proofs[event->face][result]++;
}

static void note_fault(struct proof *proof, const struct decision *decision)
{
    const struct event *event = &decision->event;

    if (event->is_dry)
        return;
    enum peer_cause cause = proof_faults_note(&proof->faults, &event->peer);
    if (cause != PEER_CAUSE_NONE)
        engine_metrics(decision->engine)->proof_refusals[cause]++;
}

/* Of proxied services: who came for them. */
static void note_peer(
    struct proof *proof, const struct decision *decision, bool is_trusted)
{
    if (decision->event.peer.state != PEER_PROVEN || decision->event.is_dry)
        return;
    if (proof->peers == NULL)
        proof->peers = xcalloc(1, sizeof *proof->peers);
    peers_note(proof->peers, &decision->event.peer.address, is_trusted,
        decision->service_title, clock_wall_ms());
}

static bool turn_away(struct decision *decision, enum verdict_kind kind,
    enum verdict_reason reason)
{
    const struct refusal refusal = {
        .reason = reason, .kind = event_first_kind(&decision->event)};

    decision->verdict.kind = kind;
    decision->verdict.reason = reason;
    decision_log_refusal(decision, &refusal);
    return false;
}

static bool turn_away_unproven(struct decision *decision)
{
    bool is_inet = decision->event.peer.state == PEER_INET;

    return turn_away(
        decision, is_inet ? VERDICT_DEFER : VERDICT_REFUSE, REASON_UNPROVEN);
}

/* No section is this session's, as far as can be known. */
static bool judge_stranger(struct decision *decision)
{
    const struct peer *peer = &decision->event.peer;
    bool is_hidden = (peer->state == PEER_UNPROVEN && peer->port == 0) ||
                     peer->state == PEER_INET;

    count_proof(decision, true);
    if (is_hidden && decision->config->requires_proof)
        return turn_away_unproven(decision);
    return true;
}

/* A milter is told of local submissions too, under the name of a listener
 * where all have one name; and nobody comes in through a process that has no
 * TCP socket. To the other faces no such process has anything to say. */
static bool is_local_submission(const struct event *event)
{
    return event->face == FACE_MILTER && event->peer.state == PEER_LOCAL;
}

static bool is_mail(const struct event *event)
{
    return event->amount[EVENT_MESSAGE] > 0 ||
           event->amount[EVENT_RECIPIENT] > 0 || event->amount[EVENT_BYTES] > 0;
}

/* A warning that nobody needs more often. */
static bool is_due(uint64_t *last_ms, uint64_t every_ms)
{
    uint64_t now_ms = clock_coarse_ms();

    if (*last_ms != 0 && now_ms - *last_ms < every_ms)
        return false;
    *last_ms = now_ms;
    return true;
}

static void warn_of_unproxied(struct proof *proof, struct decision *decision)
{
    proof->unproxied_mail++;
    if (!is_due(&proof->warned_ms, WARN_EVERY_MS))
        return;
    log_warn("service %s: the client of %" PRIu64 " requests is the proxy %s "
             "itself: mail that the proxy sends, or PROXY is not in effect "
             "(send-proxy at the proxy, smtpd_upstream_proxy_protocol = "
             "haproxy in Postfix); they count together, as \"unproxied\"",
        decision->service_title, proof->unproxied_mail,
        decision->event.client_text);
    proof->unproxied_mail = 0;
}

/* Health checks come each second and are none of a limit's business; what
 * begins to send mail is counted. */
static bool judge_proxy_itself(struct proof *proof, struct decision *decision)
{
    decision->event.is_unproxied = true;
    decision->verdict.reason = REASON_UNPROXIED;
    if (!is_mail(&decision->event))
        return false;
    if (!decision->event.is_dry)
        warn_of_unproxied(proof, decision);
    if (decision->service->unproxied_mail == UNPROXIED_DEFER)
        return turn_away(decision, VERDICT_DEFER, REASON_UNPROXIED);
    decision->verdict.reason = REASON_NONE;
    return true;
}

static bool judge_claim(struct proof *proof, struct decision *decision,
    const struct proxies *proxies, bool is_proven)
{
    const struct config_service *service = decision->service;
    const struct claim_rules rules = {
        .is_proven = is_proven,
        .is_proxy = is_proxy,
        .context = proxies,
        .exempt = &decision->config->exempt_clients,
        .impossible = &decision->config->impossible_clients,
        .frontends = service->frontend_list,
        .frontend_count = service->frontend_count,
    };

    switch (claim_judge(&rules, &decision->event)) {
    case CLAIM_PROXY:
        return judge_proxy_itself(proof, decision);
    case CLAIM_EXEMPT:
        decision->event.is_exempt = true;
        return true;
    case CLAIM_IMPOSSIBLE:
        return turn_away(decision, VERDICT_REFUSE, REASON_IMPOSSIBLE);
    case CLAIM_FRONTEND:
        return turn_away(decision, VERDICT_REFUSE, REASON_FRONTENDS);
    case CLAIM_CLIENT:
        break;
    }
    return true;
}

bool proof_judge(struct proof *proof, struct decision *decision)
{
    if (is_local_submission(&decision->event)) {
        decision->service = NULL;
        decision->service_title = decision->event.service;
    }
    const struct config_service *service = decision->service;
    const struct peer *peer = &decision->event.peer;
    const struct proxies proxies = {service, proof->trust};

    decision->event.is_unproxied = false;
    note_fault(proof, decision);
    if (service == NULL)
        return judge_stranger(decision);
    if (!service->proxied) {
        count_proof(decision, true);
        return true;
    }
    if (service->proof == SERVICE_PROOF_OFF)
        return judge_claim(proof, decision, &proxies, false);

    bool is_proven = is_trusted(&proxies, peer);
    count_proof(decision, is_proven);
    note_peer(proof, decision, is_proven);
    if (peer->state == PEER_PROVEN && !is_proven)
        return turn_away(decision, VERDICT_REFUSE, REASON_UNTRUSTED);
    if (!is_proven && service->proof == SERVICE_PROOF_REQUIRED)
        return turn_away_unproven(decision);
    return judge_claim(proof, decision, &proxies, is_proven);
}

bool proof_refuses(const struct proof *proof, const struct config *config,
    const struct peer *peer)
{
    const struct config_service *service =
        config_find_service(config, "", peer->port);

    if (peer->port == 0 || service == NULL || service->port != peer->port ||
        !service->proxied || service->proof == SERVICE_PROOF_OFF)
        return false;
    const struct proxies proxies = {service, proof->trust};
    if (peer->state == PEER_PROVEN)
        return !is_trusted(&proxies, peer);
    return service->proof == SERVICE_PROOF_REQUIRED;
}
