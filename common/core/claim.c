/*
 * claim.c - see claim.h.
 *
 * An unproven claim gains nothing: it is neither the proxy nor exempt, so it
 * counts like anyone's. From anvil a client may be a net (Postfix 3.8 and
 * later), and is in a list only if all of it is.
 */
#include "common/core/claim.h"

/*
 * A proxy's own health checks must not be counted, and anvil may report them
 * under a net that is wider than the list of proxies. Such a net is the
 * proxy's if its true peer lies in it.
 */
static bool is_proxy_itself(
    const struct claim_rules *rules, const struct event *event)
{
    const struct cidr *client = &event->client;

    if (!rules->is_proven || client->net.family == ADDRESS_NONE)
        return false;
    if (rules->is_proxy(rules->context, client))
        return true;
    return client->prefix_length < address_bits(&client->net) &&
           cidr_contains(client, &event->peer.address);
}

static bool is_in(const struct cidr_list *list, const struct cidr *client)
{
    return client->net.family != ADDRESS_NONE &&
           cidr_list_contains_net(list, client);
}

/* A face that is not told the destination leaves it to the others. */
static bool is_ours(const struct claim_rules *rules, const struct event *event)
{
    if (rules->frontend_count == 0 || event->frontend.family == ADDRESS_NONE)
        return true;
    for (size_t i = 0; i < rules->frontend_count; i++)
        if (rules->frontends[i].port == event->frontend_port &&
            address_equal(&rules->frontends[i].address, &event->frontend))
            return true;
    return false;
}

enum claim claim_judge(
    const struct claim_rules *rules, const struct event *event)
{
    if (is_proxy_itself(rules, event))
        return CLAIM_PROXY;
    if (rules->is_proven && is_in(rules->exempt, &event->client))
        return CLAIM_EXEMPT;
    if (is_in(rules->impossible, &event->client))
        return CLAIM_IMPOSSIBLE;
    return is_ours(rules, event) ? CLAIM_CLIENT : CLAIM_FRONTEND;
}
