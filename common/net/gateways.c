/*
 * gateways.c - see gateways.h.
 *
 * Source of the two files' columns: proc_pid_net(5), and fib_trie.c and
 * route.c in the kernel's net/ipv4 and net/ipv6.
 */
#include "common/net/gateways.h"

#include "common/base/cidr.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>

#define ROUTE_SIZE 256

/* "eth0 00000000 010011AC 0003 ...": the address as the machine's own number.
 */
static bool read_route4(const char *line, struct address *router_r)
{
    uint32_t router;
    unsigned flags;

    if (sscanf(line, "%*s %*x %" SCNx32 " %x", &router, &flags) != 2 ||
        (flags & RTF_GATEWAY) == 0)
        return false;
    *router_r = (struct address){.family = ADDRESS_IPV4};
    memcpy(router_r->bytes, &router, sizeof router);
    return true;
}

/* Destination, length, source, length, router, metric, 2 counts, flags. */
static bool read_route6(const char *line, struct address *router_r)
{
    char router[33];
    unsigned flags;

    if (sscanf(line, "%*s %*x %*s %*x %32s %*x %*x %*x %x", router, &flags) !=
            2 ||
        (flags & RTF_GATEWAY) == 0)
        return false;
    *router_r = (struct address){.family = ADDRESS_IPV6};
    for (size_t i = 0; i < sizeof router_r->bytes; i++)
        if (sscanf(router + 2 * i, "%2" SCNx8, &router_r->bytes[i]) != 1)
            return false;
    return true;
}

static bool is_router(const struct address *address, const char *path,
    bool (*read_route)(const char *, struct address *))
{
    FILE *file = fopen(path, "re");
    char line[ROUTE_SIZE];
    struct address router;
    bool is_one = false;

    if (file == NULL)
        return false;
    for (size_t n = 0; !is_one && n < GATEWAY_ROUTES_MAX &&
                       fgets(line, sizeof line, file) != NULL;
         n++)
        is_one = read_route(line, &router) && address_equal(&router, address);
    fclose(file);
    return is_one;
}

static unsigned length_of(const struct sockaddr *mask)
{
    struct address address;
    unsigned length = 0;

    address_from_sockaddr(mask, &address, NULL);
    while (length < address_bits(&address) &&
           (address.bytes[length / 8] & 0x80 >> length % 8) != 0)
        length++;
    return length;
}

static bool is_first_of(const struct address *address, const struct ifaddrs *of)
{
    struct address own;

    if (of->ifa_addr == NULL || of->ifa_netmask == NULL ||
        (of->ifa_flags & IFF_LOOPBACK) != 0 ||
        !address_from_sockaddr(of->ifa_addr, &own, NULL))
        return false;
    unsigned length = length_of(of->ifa_netmask), bits = address_bits(&own);
    if (own.family != address->family || length + 2 > bits)
        return false;
    struct cidr net = cidr_of(&own, length);
    net.net.bytes[bits / 8 - 1]++;
    return address_equal(&net.net, address);
}

static bool is_first_address(const struct address *address)
{
    struct ifaddrs *all;
    bool is_one = false;

    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *it = all; !is_one && it != NULL;
         it = it->ifa_next)
        is_one = is_first_of(address, it);
    freeifaddrs(all);
    return is_one;
}

bool gateway_is_ours(const struct address *address)
{
    return is_router(address, "/proc/net/route", read_route4) ||
           is_router(address, "/proc/net/ipv6_route", read_route6) ||
           is_first_address(address);
}
