/*
 * ban.c - see ban.h.
 *
 * A client that is a net (from anvil) is banned if one ban holds all of it:
 * else one host would answer for its neighbours, and policy or the milter,
 * which know the address, will refuse it.
 */
#include "common/engine/ban.h"

#include "common/base/clock.h"
#include "common/engine/proof.h"
#include "common/engine/refusal.h"
#include "common/net/trust.h"

#include <string.h>

bool ban_is_void(struct engine *engine, const struct config *config,
    const struct cidr *client)
{
    if (cidr_list_contains_net(&config->exempt_clients, client))
        return true;
    for (size_t i = 0; i < config->service_count; i++)
        if (proof_is_proxy(&config->services[i], engine_trust(engine), client))
            return true;
    return false;
}

static const struct cidr *proxies_overlap(const struct config_service *service,
    const struct trust *trust, const struct cidr *net)
{
    const struct cidr *found = cidr_list_overlap(&service->trusted_nets, net);

    for (char **source = service->trusted_sources;
         found == NULL && trust != NULL && *source != NULL; source++)
        found = trust_overlap(trust, *source, net);
    return found;
}

static bool refuse_overlap(const struct cidr *net, const struct cidr *with,
    const char *what, const char *whose, struct error *err)
{
    char net_text[CIDR_TEXT_SIZE], with_text[CIDR_TEXT_SIZE];

    return error_set(err,
        "%s: cannot be banned, because it has addresses in common with %s, "
        "which is in %s%s",
        cidr_format(net, net_text), cidr_format(with, with_text), what, whose);
}

bool ban_check(struct engine *engine, const struct cidr *net, struct error *err)
{
    const struct config *config = engine_config(engine);
    const struct cidr *found = cidr_list_overlap(&config->exempt_clients, net);

    if (found != NULL)
        return refuse_overlap(net, found, "exempt_clients", "", err);
    for (size_t i = 0; i < config->service_count; i++) {
        found =
            proxies_overlap(&config->services[i], engine_trust(engine), net);
        if (found != NULL)
            return refuse_overlap(net, found, "trusted_proxies of service ",
                config->services[i].title, err);
    }
    return true;
}

const struct edict *ban_of(struct engine *engine, const struct cidr *client)
{
    struct edict_table *edicts = store_edicts(engine_store(engine));

    if (edict_table_count(edicts, EDICT_BAN) == 0 ||
        client->net.family == ADDRESS_NONE)
        return NULL;
    return edict_table_ban(edicts, client, clock_coarse_ms());
}

static bool is_free(struct engine *engine, const struct config *config,
    const struct event *event, enum key_part part)
{
    return limit_spares_exempt((uint16_t)(1u << part)) &&
           (event->is_unproxied || ban_is_void(engine, config, &event->client));
}

static const struct edict *ban_of_part(struct engine *engine,
    const struct config *config, const struct event *event, enum key_part part)
{
    struct subject subject;

    if (is_free(engine, config, event, part))
        return NULL;
    limit_subject(
        (uint16_t)(1u << part), event, "", config->prefixes, &subject);
    if (subject.len <= strlen("u=")) /* not known */
        return NULL;
    return edict_table_name_ban(
        store_edicts(engine_store(engine)), part, &subject, clock_coarse_ms());
}

const struct edict *ban_of_name(struct engine *engine,
    const struct config *config, const struct event *event)
{
    unsigned parts = edict_table_banned(store_edicts(engine_store(engine))) &
                     ~(1u << KEY_CLIENT);
    const struct edict *last = NULL;

    for (; parts != 0; parts &= parts - 1) {
        const struct edict *ban = ban_of_part(
            engine, config, event, (enum key_part)__builtin_ctz(parts));
        if (ban != NULL && (last == NULL || ban->until_ms > last->until_ms))
            last = ban;
    }
    return last;
}

const char *ban_action_of(const struct config *config, const struct edict *ban)
{
    return ban->action[0] != '\0' ? ban->action : config->ban_action;
}

/* The one that is obeyed; NULL: none. */
static const struct edict *find_ban(const struct decision *decision)
{
    struct engine *engine = decision->engine;
    const struct event *event = &decision->event;
    const struct edict *ban;

    if (edict_table_count(store_edicts(engine_store(engine)), EDICT_BAN) == 0)
        return NULL;
    ban = ban_of(engine, &event->client);
    if (ban != NULL && !event->is_unproxied &&
        !ban_is_void(engine, decision->config, &event->client))
        return ban;
    return ban_of_name(engine, decision->config, event);
}

/* The ban may be lifted while the store is asked, the snapshot stays. */
static const char *keep_action(
    struct decision *decision, const struct edict *ban)
{
    if (ban->action[0] == '\0')
        return decision->config->ban_action;
    return memcpy(decision->ban_action, ban->action, sizeof ban->action);
}

bool ban_judge(struct decision *decision)
{
    const struct config *config = decision->config;
    const struct edict *ban = find_ban(decision);
    uint64_t now_ms;

    if (ban == NULL)
        return true;
    now_ms = clock_monotonic_ms(); /* in whole seconds it is told */
    const struct refusal refusal = {.reason = REASON_BANNED,
        .kind = event_first_kind(&decision->event),
        .retry_ms =
            ban->until_ms > now_ms ? (int64_t)(ban->until_ms - now_ms) : 0};
    decision->verdict.banned_by = ban->part;
    decision->verdict.ban_action = keep_action(decision, ban);
    if (config->shadow) {
        refusal_note_shadow(decision, refusal);
    } else if (ban->part != KEY_CLIENT &&
               verdict_action_holds(decision->verdict.ban_action)) {
        refusal_hold(decision, &refusal); /* limits are asked yet */
    } else {
        refusal_make(decision, &refusal);
        return false;
    }
    return true;
}
