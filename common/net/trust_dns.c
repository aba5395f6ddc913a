/*
 * trust_dns.c - the addresses of a name as a list of trusted proxies.
 *
 * Asked in the loop by evdns, never while a decision waits. A name that fails
 * or has no address keeps its last ones: a resolver that is away must not
 * stop the mail. Until the first answer it is asked each second.
 */
#include "common/net/trust_source.h"

#include "common/base/memory.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_S 25 /* and some seconds for the answer make 30 */
#define FIRST_S 1

struct trust_dns {
    struct trust_source source;
    struct trust *trust; /* who has the resolver */
    const char *name;    /* inside of source.text */
    struct evdns_getaddrinfo_request *request;
    bool is_asking;
    bool is_released; /* by its owner, while the question is under way */
};

static void trust_dns_ask_later(struct trust_dns *dns)
{
    const struct timeval after = {
        .tv_sec = dns->source.list.count > 0 ? EVERY_S : FIRST_S};

    event_add(dns->source.again, &after);
}

static bool take_addresses(
    const struct evutil_addrinfo *answer, struct cidr_list *list)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address;
    struct error err;

    for (; answer != NULL; answer = answer->ai_next)
        if (address_from_sockaddr(answer->ai_addr, &address, NULL) &&
            !cidr_list_add(list, address_format(&address, text), &err))
            return false;
    return list->count > 0;
}

static void trust_dns_on_answer(
    int result, struct evutil_addrinfo *answer, void *context)
{
    struct trust_dns *dns = context;
    struct cidr_list list = {0};

    dns->is_asking = false;
    dns->request = NULL;
    if (dns->is_released) {
        free(dns);
    } else if (result == 0 && take_addresses(answer, &list)) {
        trust_source_set(&dns->source, &list);
        trust_dns_ask_later(dns);
    } else {
        cidr_list_clear(&list);
        trust_source_fail(&dns->source,
            result == 0 ? "no address" : evutil_gai_strerror(result));
        trust_dns_ask_later(dns);
    }
    if (answer != NULL)
        evutil_freeaddrinfo(answer);
}

/* The answer may come before the question returns: /etc/hosts has it. */
static void trust_dns_ask(struct trust_dns *dns)
{
    const struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    struct evdns_base *resolver = trust_resolver(dns->trust);
    if (resolver == NULL) {
        trust_source_fail(
            &dns->source, "there is no resolver: /etc/resolv.conf?");
        trust_dns_ask_later(dns);
        return;
    }
    dns->is_asking = true;
    struct evdns_getaddrinfo_request *request = evdns_getaddrinfo(
        resolver, dns->name, NULL, &hints, trust_dns_on_answer, dns);
    if (dns->is_asking)
        dns->request = request;
}

static void trust_dns_on_time(evutil_socket_t fd, short what, void *context)
{
    trust_dns_ask(context);
}

/* A question under way is answered yet, with EVUTIL_EAI_CANCEL. */
static void trust_dns_free(struct trust_source *source)
{
    struct trust_dns *dns = (struct trust_dns *)source;

    if (!dns->is_asking) {
        free(dns);
        return;
    }
    dns->is_released = true;
    evdns_getaddrinfo_cancel(dns->request);
}

struct trust_source *trust_dns_new(
    struct event_base *base, struct trust *trust, const char *text)
{
    struct trust_dns *dns = xcalloc(1, sizeof *dns);

    dns->source.text = xstrdup(text);
    dns->source.free = trust_dns_free;
    dns->trust = trust;
    dns->name = dns->source.text + strlen("dns:");
    dns->source.again = evtimer_new(base, trust_dns_on_time, dns);
    trust_dns_ask(dns);
    return &dns->source;
}
