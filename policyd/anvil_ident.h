/*
 * anvil_ident.h - taking anvil's ident apart: "SERVICE:CLIENT".
 *
 * Postfix joins the two with a colon and escapes nothing, although a service
 * may be "10.77.0.1:2502" or "[::1]:25" and a client an IPv6 address, so the
 * colon is found by what master.cf allows as a service (anvil_ident.c).
 * Pure. Good for counters only: from Postfix 3.8 on the client may be a net.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_IDENT_H
#define TOLLGATE_POLICYD_ANVIL_IDENT_H

#include "common/base/cidr.h"
#include "policyd/anvil_request.h"

struct anvil_ident {
    char service[ANVIL_IDENT_SIZE];
    const char *client_text; /* inside the ident that was split */
    struct cidr client;      /* family ADDRESS_NONE: unknown, any, "" */
};

/* False: no service, or nothing after a colon is an address, a net, "unknown",
 * "any" or empty. */
bool anvil_ident_split(const char *ident, struct anvil_ident *ident_r);

#endif
