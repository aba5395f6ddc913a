/*
 * trust.c - see trust.h.
 *
 * Keeps the sources; reading one is trust_file.c's and trust_dns.c's. The
 * resolver is made when the first name is wanted: most lists are fixed.
 */
#include "common/net/trust.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/trust_source.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct trust {
    struct event_base *base;
    struct evdns_base *resolver; /* NULL: no name was wanted yet */
    struct trust_source *first;
};

struct trust *trust_new(struct event_base *base)
{
    struct trust *trust = xcalloc(1, sizeof *trust);

    trust->base = base;
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
    if ((*trust)->resolver != NULL) {
        /* What was cancelled is told so by the loop. */
        event_base_loop((*trust)->base, EVLOOP_NONBLOCK);
        evdns_base_free((*trust)->resolver, 0);
    }
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

struct evdns_base *trust_resolver(struct trust *trust)
{
    if (trust->resolver == NULL)
        trust->resolver =
            evdns_base_new(trust->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                            EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    return trust->resolver;
}

void trust_want(struct trust *trust, const char *text)
{
    struct trust_source *source = find(trust, text);

    if (source == NULL) {
        source = strncmp(text, "dns:", strlen("dns:")) == 0
                     ? trust_dns_new(trust->base, trust, text)
                     : trust_file_new(trust->base, text);
        source->next = trust->first;
        trust->first = source;
    }
    source->is_wanted = true;
}

void trust_end(struct trust *trust)
{
    trust_sweep(trust);
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

void trust_source_set(struct trust_source *source, struct cidr_list *list)
{
    if (!is_same_list(&source->list, list))
        log_info("trusted_proxies: %s has %zu networks now", source->text,
            list->count);
    else if (source->is_failing)
        log_info("trusted_proxies: %s is well again", source->text);
    source->is_failing = false;
    cidr_list_clear(&source->list);
    source->list = *list;
}

void trust_source_fail(struct trust_source *source, const char *why)
{
    if (!source->is_failing)
        log_error("trusted_proxies: %s: %s; the last good list stays, %zu "
                  "networks",
            source->text, why, source->list.count);
    source->is_failing = true;
}
