/*
 * trust_source.h - one list of trusted proxies: a file, or a name in the DNS.
 *
 * Inside of trust.c only. A source owns its list and replaces it whole.
 */
#ifndef TOLLGATE_NET_TRUST_SOURCE_H
#define TOLLGATE_NET_TRUST_SOURCE_H

#include "common/base/cidr.h"

struct evdns_base;
struct event_base;
struct trust;
struct trust_source;

/* What both kinds share; the first member of each. */
struct trust_source {
    struct trust_source *next;
    char *text; /* as written */
    bool is_wanted;
    bool is_failing; /* logged, and not since well */
    struct cidr_list list;
    struct event *again;
    void (*free)(struct trust_source *);
};

struct trust_source *trust_file_new(struct event_base *, const char *text);
struct trust_source *trust_dns_new(
    struct event_base *, struct trust *, const char *text);

/* The loop's own; NULL: none can be made now. */
struct evdns_base *trust_resolver(struct trust *);

/* Takes the list over. */
void trust_source_set(struct trust_source *, struct cidr_list *);
void trust_source_fail(struct trust_source *, const char *why);

#endif
