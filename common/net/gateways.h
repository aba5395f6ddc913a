/*
 * gateways.h - under which addresses do our networks' gateways appear?
 *
 * A gateway that rewrites addresses (docker's userland proxy, a hairpin, a
 * router) shows its own to those behind it: that of a router of ours, or the
 * first of a network that we are in, which container engines give to the bridge
 * itself.
 */
#ifndef TOLLGATE_NET_GATEWAYS_H
#define TOLLGATE_NET_GATEWAYS_H

#include "common/base/address.h"

/*
 * Asks the kernel each time (/proc/net/route and ipv6_route, of which the first
 * GATEWAY_ROUTES_MAX lines count, and getifaddrs(3)): a few dozen us, nothing
 * for each decision. What cannot be read holds no gateway.
 */
#define GATEWAY_ROUTES_MAX 1000
bool gateway_is_ours(const struct address *);

#endif
