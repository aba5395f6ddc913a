/*
 * claim.h - what to make of a client that a proxy told us about.
 *
 * For services behind a proxy only. Pure. The order is the contract: a trusted
 * proxy itself; exempt clients, if proven; networks that no proxied client can
 * come from; destinations that are not ours. The caller has judged the peer.
 */
#ifndef TOLLGATE_CORE_CLAIM_H
#define TOLLGATE_CORE_CLAIM_H

#include "common/core/event.h"

enum claim {
    CLAIM_CLIENT,     /* a client like any other: limits decide */
    CLAIM_PROXY,      /* nobody was proxied: the client is the proxy itself */
    CLAIM_EXEMPT,     /* exempt_clients */
    CLAIM_IMPOSSIBLE, /* impossible_clients */
    CLAIM_FRONTEND,   /* the destination is none of frontends */
};

struct claim_frontend {
    struct address address;
    uint16_t port;
};

struct claim_rules {
    bool is_proven; /* the peer is proven and trusted */
    /* Is all of this net a trusted proxy? Asked only if is_proven. */
    bool (*is_proxy)(const void *context, const struct cidr *client);
    const void *context;
    const struct cidr_list *exempt; /* borrowed, as all that follow */
    const struct cidr_list *impossible;
    const struct claim_frontend *frontends;
    size_t frontend_count; /* 0: any destination */
};

/* In this order: the proxy itself, exempt, impossible, not a frontend of ours;
 * else CLAIM_CLIENT. */
enum claim claim_judge(const struct claim_rules *, const struct event *);

#endif
