/*
 * trust.c - see trust.h.
 *
 * Keeps the sources; reading one is trust_file.c's and trust_dns.c's.
 */
#include "common/net/trust.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/trust_source.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define FAILED_EVERY_MS 60000 /* a line for a failure that lasts */

struct trust {
    struct event_base *base;
    struct resolver *resolver;
    struct trust_source *first;
};

struct trust *trust_new(struct event_base *base, struct resolver *resolver)
{
    struct trust *trust = xcalloc(1, sizeof *trust);

    trust->base = base;
    trust->resolver = resolver;
    return trust;
}

static void source_free(struct trust_source *source)
{
    if (source->again != NULL)
        event_free(source->again);
    cidr_list_clear(&source->list);
    free(source->text);
    source->free(source);
}

/* Those that are not wanted; all others stay in their order. */
static void trust_sweep(struct trust *trust)
{
    struct trust_source **link = &trust->first;

    while (*link != NULL) {
        struct trust_source *source = *link;
        if (source->is_wanted) {
            link = &source->next;
            continue;
        }
        *link = source->next;
        source_free(source);
    }
}

void trust_free(struct trust **trust)
{
    if (*trust == NULL)
        return;
    trust_begin(*trust);
    trust_sweep(*trust);
    free(*trust);
    *trust = NULL;
}

void trust_begin(struct trust *trust)
{
    for (struct trust_source *source = trust->first; source != NULL;
         source = source->next)
        source->is_wanted = false;
}

static struct trust_source *find(const struct trust *trust, const char *text)
{
    struct trust_source *source = trust->first;

    while (source != NULL && strcmp(source->text, text) != 0)
        source = source->next;
    return source;
}

static bool is_name(const char *source)
{
    return strncmp(source, "dns:", strlen("dns:")) == 0;
}

void trust_want(struct trust *trust, const char *text)
{
    struct trust_source *source = find(trust, text);

    if (source == NULL) {
        source = is_name(text)
                     ? trust_dns_new(trust->base, trust->resolver, text)
                     : trust_file_new(trust->base, text);
        source->next = trust->first;
        trust->first = source;
    }
    source->is_wanted = true;
}

void trust_end(struct trust *trust)
{
    trust_sweep(trust);
    for (struct trust_source *source = trust->first; source != NULL;
         source = source->next)
        if (is_name(source->text))
            event_active(source->again, EV_TIMEOUT, 0);
}

bool trust_contains(
    const struct trust *trust, const char *text, const struct cidr *net)
{
    const struct trust_source *source = find(trust, text);

    return source != NULL && cidr_list_contains_net(&source->list, net);
}

const struct cidr *trust_overlap(
    const struct trust *trust, const char *text, const struct cidr *net)
{
    const struct trust_source *source = find(trust, text);

    return source == NULL ? NULL : cidr_list_overlap(&source->list, net);
}

static bool is_same_list(const struct cidr_list *a, const struct cidr_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].prefix_length != b->items[i].prefix_length ||
            !address_equal(&a->items[i].net, &b->items[i].net))
            return false;
    return true;
}

void trust_source_set(
    struct trust_source *source, struct cidr_list *list, const char *full)
{
    if (!is_same_list(&source->list, list))
        log_info("trusted_proxies: %s has %zu networks now%s%s", source->text,
            list->count, full == NULL ? "" : ", the addresses of ",
            full == NULL ? "" : full);
    cidr_list_clear(&source->list);
    source->list = *list;
}

void trust_source_fail(struct trust_source *source, const char *why)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (source->is_failing && now_ms - source->failed_ms < FAILED_EVERY_MS)
        return;
    log_error("trusted_proxies: %s: %s; the last good list stays, %zu "
              "networks",
        source->text, why, source->list.count);
    source->is_failing = true;
    source->failed_ms = now_ms;
}

void trust_source_is_well(struct trust_source *source)
{
    if (source->is_failing)
        log_info("trusted_proxies: %s is well again", source->text);
    source->is_failing = false;
}
