/*
 * guard.c - the proxied ports, and who may connect to them.
 *
 * Fails rather than leave a proxy out: a rule that is too narrow stops mail.
 */
#include "ctl/guard.h"

#include "common/base/memory.h"
#include "common/net/trust.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static bool add_dns(const char *name, struct cidr_list *nets, struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    int status = getaddrinfo(name, NULL, &hints, &found);

    if (status != 0)
        return error_set(err, "%s", gai_strerror(status));
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next)
        if (address_from_sockaddr(at->ai_addr, &address, NULL) &&
            !cidr_list_add(nets, address_format(&address, text), err)) {
            freeaddrinfo(found);
            return false;
        }
    freeaddrinfo(found);
    return true;
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
