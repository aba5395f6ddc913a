/*
 * trust_dns.c - the addresses of a name as a list of trusted proxies.
 *
 * Asked by the resolver, never while a decision waits. Each family is a list
 * of its own, replaced only by an answer for it: a name server that is away,
 * or answers one of two questions, must not stop the mail. A name that is
 * gone keeps its last addresses too. Addresses of another full name (hosts or
 * resolv.conf have changed) are never mixed with those.
 */
#include "common/net/trust_source.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/net/resolver.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With the seconds that a lost answer costs less than 30 s. */
#define EVERY_MS     20000
#define AGAIN_MS     1000 /* after a failure, doubled up to: */
#define AGAIN_MAX_MS 8000

struct trust_dns {
    struct trust_source source;
    struct resolver *resolver;
    struct resolver_call call; /* its name is inside of source.text */
    struct cidr_list families[RESOLVER_FAMILIES];
    char full[RESOLVER_NAME_SIZE]; /* whose addresses they are; "": none */
    uint64_t again_ms;
};

static void ask_later(struct trust_dns *dns, uint64_t ms)
{
    const struct timeval after = clock_span(ms);

    event_add(dns->source.again, &after);
}

/* Before the first answer each second; a name may come at any time. */
static void ask_again(struct trust_dns *dns)
{
    uint64_t ms = dns->again_ms;

    dns->again_ms = ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms * 2;
    ask_later(dns, dns->source.list.count > 0 ? ms : AGAIN_MS);
}

static bool add_all(
    struct cidr_list *list, const struct address *addresses, size_t count)
{
    char text[ADDRESS_TEXT_SIZE];
    struct error err;

    for (size_t i = 0; i < count; i++)
        if (!cidr_list_add(list, address_format(&addresses[i], text), &err))
            return false;
    return true;
}

/* The list of the source is that of both families. */
static void show(struct trust_dns *dns)
{
    struct cidr_list list = {0};
    bool is_whole = true;

    for (int i = 0; i < RESOLVER_FAMILIES; i++) {
        const struct cidr_list *family = &dns->families[i];
        for (size_t n = 0; n < family->count; n++)
            is_whole = is_whole && add_all(&list, &family->items[n].net, 1);
    }
    if (is_whole)
        trust_source_set(&dns->source, &list, dns->full);
    else
        cidr_list_clear(&list);
}

static void on_addresses(
    struct resolver_call *call, const struct resolver_reply *reply)
{
    struct trust_dns *dns = call->context;
    struct cidr_list list = {0};

    if (!add_all(&list, reply->addresses, reply->count)) {
        cidr_list_clear(&list);
        return;
    }
    if (strcasecmp(dns->full, reply->full) != 0) {
        for (int i = 0; i < RESOLVER_FAMILIES; i++)
            cidr_list_clear(&dns->families[i]);
        snprintf(dns->full, sizeof dns->full, "%s", reply->full);
    }
    cidr_list_clear(&dns->families[reply->family]);
    dns->families[reply->family] = list;
    show(dns);
}

/* One family has answered: what does that say of the other? */
static void take_absence(
    struct trust_dns *dns, const struct resolver_reply *end)
{
    for (int i = 0; i < RESOLVER_FAMILIES; i++)
        if (resolver_is_none(end->status[i]) && dns->families[i].count > 0) {
            cidr_list_clear(&dns->families[i]);
            show(dns);
        }
}

/* The first status that is a failure; else that there is no address. */
static int worst(const struct resolver_reply *end)
{
    int worst = 0;

    for (int i = 0; i < RESOLVER_FAMILIES; i++) {
        int status = end->status[i];
        if (status != 0 && (worst == 0 || !resolver_is_none(status)))
            worst = status;
    }
    return worst;
}

static void fail(struct trust_dns *dns, const char *what, int status)
{
    char text[RESOLVER_NAME_SIZE + 128];
    const char *full = dns->full;

    snprintf(text, sizeof text, "%s%s%s%s", full, *full == '\0' ? "" : ": ",
        what, resolver_why(status));
    trust_source_fail(&dns->source, text);
    ask_again(dns);
}

static void on_end(struct resolver_call *call, const struct resolver_reply *end)
{
    static const char *const which[] = {"IPv4: ", "IPv6: "};
    struct trust_dns *dns = call->context;
    bool is_found =
        end->status[RESOLVER_IPV4] == 0 || end->status[RESOLVER_IPV6] == 0;
    int status = worst(end);

    if (!is_found) {
        fail(dns, "", status);
        return;
    }
    take_absence(dns, end);
    if (status != 0 && !resolver_is_none(status)) {
        fail(dns, which[end->status[RESOLVER_IPV4] == 0], status);
        return;
    }
    trust_source_is_well(&dns->source);
    dns->again_ms = AGAIN_MS;
    ask_later(dns, EVERY_MS);
}

static void ask(struct trust_dns *dns)
{
    if (dns->call.resolver != NULL)
        return;
    if (dns->resolver == NULL || !resolver_ask(dns->resolver, &dns->call))
        fail(dns, "", RESOLVER_BUSY);
}

static void trust_dns_on_time(evutil_socket_t fd, short what, void *context)
{
    ask(context);
}

static void trust_dns_free(struct trust_source *source)
{
    struct trust_dns *dns = (struct trust_dns *)source;

    resolver_cancel(&dns->call);
    for (int i = 0; i < RESOLVER_FAMILIES; i++)
        cidr_list_clear(&dns->families[i]);
    free(dns);
}

struct trust_source *trust_dns_new(
    struct event_base *base, struct resolver *resolver, const char *text)
{
    struct trust_dns *dns = xcalloc(1, sizeof *dns);

    dns->source.text = xstrdup(text);
    dns->source.free = trust_dns_free;
    dns->source.again = evtimer_new(base, trust_dns_on_time, dns);
    dns->resolver = resolver;
    dns->again_ms = AGAIN_MS;
    dns->call =
        (struct resolver_call){.name = dns->source.text + strlen("dns:"),
            .on_addresses = on_addresses,
            .on_end = on_end,
            .context = dns};
    ask(dns);
    return &dns->source;
}
