/*
 * guard.c - the proxied ports, and who may connect to them.
 *
 * Fails rather than leave a proxy out: a rule that is too narrow stops mail.
 */
#include "ctl/guard.h"

#include "common/base/alloc.h"
#include "common/net/resolver.h"
#include "common/net/trust.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* The addresses of one name; also why there are none, or not all. */
struct lookup {
    struct event_base *base;
    struct cidr_list *nets;
    struct error *err;
    bool is_well;
};

static void lookup_on_addresses(
    struct resolver_call *call, const struct resolver_reply *reply)
{
    struct lookup *lookup = call->context;
    char text[ADDRESS_TEXT_SIZE];

    for (size_t i = 0; i < reply->count && lookup->is_well; i++)
        lookup->is_well = cidr_list_add(lookup->nets,
            address_format(&reply->addresses[i], text), lookup->err);
}

static void lookup_on_end(
    struct resolver_call *call, const struct resolver_reply *end)
{
    struct lookup *lookup = call->context;
    bool is_found =
        end->status[RESOLVER_IPV4] == 0 || end->status[RESOLVER_IPV6] == 0;

    for (int i = 0; i < RESOLVER_FAMILIES && lookup->is_well; i++)
        if (end->status[i] != 0 &&
            !(is_found && resolver_is_none(end->status[i])))
            lookup->is_well =
                error_set(lookup->err, "%s", resolver_why(end->status[i]));
    event_base_loopbreak(lookup->base);
}

static bool add_dns(const char *name, struct cidr_list *nets, struct error *err)
{
    struct resolver *resolver = resolver_new(NULL, NULL);
    struct lookup lookup = {
        .base = event_base_new(), .nets = nets, .err = err, .is_well = true};
    struct resolver_call call = {.name = name,
        .on_addresses = lookup_on_addresses,
        .on_end = lookup_on_end,
        .context = &lookup};

    if (lookup.base == NULL)
        abort();
    resolver_use(resolver, lookup.base);
    if (resolver_ask(resolver, &call))
        event_base_dispatch(lookup.base);
    else
        lookup.is_well = error_set(err, "%s", resolver_why(RESOLVER_BUSY));
    resolver_free(&resolver);
    event_base_free(lookup.base);
    return lookup.is_well;
}

static bool add_proxy(
    const char *text, struct cidr_list *nets, struct error *err)
{
    if (strncmp(text, "dns:", 4) == 0)
        return add_dns(text + 4, nets, err);
    if (strncmp(text, "file:", 5) == 0)
        return trust_file_load(text + 5, nets, err);
    return cidr_list_add(nets, text, err);
}

static bool collect_port(const struct config_service *service,
    struct guard_port *port, struct error *err)
{
    port->service = service;
    if (service->port == 0)
        return error_set(err,
            "service \"%s\" has no port; give it one in tollgate.conf",
            service->title);
    for (char **text = service->trusted_proxies; *text != NULL; text++)
        if (!add_proxy(*text, &port->nets, err))
            return error_prefix(
                err, "service \"%s\": %s: ", service->title, *text);
    if (port->nets.count == 0)
        return error_set(
            err, "service \"%s\" trusts nobody now", service->title);
    return true;
}

static int compare_ports(const void *a, const void *b)
{
    const struct guard_port *left = a, *right = b;

    return (left->service->port > right->service->port) -
           (left->service->port < right->service->port);
}

bool guard_collect(
    const struct config *config, struct guard *guard_r, struct error *err)
{
    *guard_r = (struct guard){
        .ports = xcalloc(config->service_count + 1, sizeof *guard_r->ports)};
    for (size_t i = 0; i < config->service_count; i++)
        if (config->services[i].proxied &&
            !collect_port(
                &config->services[i], &guard_r->ports[guard_r->count++], err)) {
            guard_clear(guard_r);
            return false;
        }
    if (guard_r->count == 0) {
        guard_clear(guard_r);
        return error_set(err, "no service of tollgate.conf is proxied");
    }
    qsort(
        guard_r->ports, guard_r->count, sizeof *guard_r->ports, compare_ports);
    return true;
}

void guard_clear(struct guard *guard)
{
    for (size_t i = 0; i < guard->count; i++)
        cidr_list_clear(&guard->ports[i].nets);
    free(guard->ports);
    *guard = (struct guard){0};
}
