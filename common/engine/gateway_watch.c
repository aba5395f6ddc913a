/*
 * gateway_watch.c - see gateway_watch.h.
 */
#include "common/engine/gateway_watch.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/engine.h"
#include "common/net/gateways.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARN_EVERY_MS 3600000

const char gateway_remedy[] =
    "docker: IPv6 on the network, and \"userland-proxy\": false, or the proxy "
    "in the host's network; rootless: a port driver that keeps addresses "
    "(pasta, slirp4netns); Kubernetes: externalTrafficPolicy: Local";

void gateway_watch_clear(struct gateway_watch *watch)
{
    free(watch->majorities);
    *watch = (struct gateway_watch){0};
}

void gateway_watch_follow(
    struct gateway_watch *watch, const struct config *config)
{
    uint64_t warned_ms = watch->warned_ms;

    gateway_watch_clear(watch);
    watch->majorities =
        xcalloc(config->service_count + 1, sizeof *watch->majorities);
    watch->warned_ms = warned_ms;
}

/* At anvil and the milter connections tell; policy sees messages only. */
static bool is_arrival(const struct event *event)
{
    return event->amount[EVENT_CONNECTION] > 0 ||
           (event->face == FACE_POLICY && event->amount[EVENT_MESSAGE] > 0);
}

static bool is_due(struct gateway_watch *watch)
{
    uint64_t now_ms = clock_coarse_ms();

    if (watch->warned_ms != 0 && now_ms - watch->warned_ms < WARN_EVERY_MS)
        return false;
    watch->warned_ms = now_ms;
    return true;
}

static void warn_of_gateway(struct gateway_watch *watch)
{
    const struct gateway_seen *seen = &watch->seen;

    if (is_due(watch))
        log_warn("service %s: %" PRIu32 " of the last %" PRIu32 " clients were "
                 "%s, a gateway of a network of ours: it hides the clients, "
                 "and limits and bans hit them all together (%s)",
            seen->service, seen->share.hits, seen->share.of, seen->client,
            gateway_remedy);
}

static void warn_of_one(struct gateway_watch *watch,
    const struct decision *decision, const struct majority_share *share)
{
    if (is_due(watch))
        log_warn("service %s: %" PRIu32 " of the last %" PRIu32 " clients were "
                 "%s: a gateway before the proxy may hide the others, and "
                 "limits then hit them all together (%s)",
            decision->service_title, share->hits, share->of,
            decision->event.client_text, gateway_remedy);
}

static bool is_gateway(const struct cidr *client)
{
    return client->prefix_length == address_bits(&client->net) &&
           gateway_is_ours(&client->net);
}

static void judge(struct gateway_watch *watch, const struct decision *decision,
    size_t at, const struct majority_share *share)
{
    struct gateway_seen *seen = &watch->seen;
    bool is_one = majority_is_one(share);

    if (is_one && is_gateway(&watch->majorities[at].client)) {
        watch->seen_at = at;
        seen->share = *share;
        seen->last_ms = clock_coarse_ms();
        address_format(&watch->majorities[at].client.net, seen->client);
        snprintf(
            seen->service, sizeof seen->service, "%s", decision->service_title);
        warn_of_gateway(watch);
        return;
    }
    if (watch->seen_at == at)
        seen->share = (struct majority_share){0};
    if (is_one && share->of == MAJORITY_SIZE && decision->service != NULL &&
        decision->service->proxied)
        warn_of_one(watch, decision, share);
}

void gateway_watch_note(
    struct gateway_watch *watch, const struct decision *decision)
{
    const struct event *event = &decision->event;
    const struct config *config = decision->config;
    size_t at = decision->service != NULL
                    ? (size_t)(decision->service - config->services)
                    : config->service_count;
    struct majority_share share;

    if (is_arrival(event) && event->client.net.family != ADDRESS_NONE &&
        !event->is_exempt && !event->is_unproxied && !event->is_dry &&
        !event->is_gate &&
        majority_note(&watch->majorities[at], &event->client, &share))
        judge(watch, decision, at, &share);
}
