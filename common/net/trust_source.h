/*
 * trust_source.h - one list of trusted proxies: a file, or a name.
 *
 * Inside of trust.c only. A source owns its list and replaces it whole.
 */
#ifndef TOLLGATE_NET_TRUST_SOURCE_H
#define TOLLGATE_NET_TRUST_SOURCE_H

#include "common/base/cidr.h"

struct event_base;
struct resolver;
struct trust_source;

/* What both kinds share; the first member of each. */
struct trust_source {
    struct trust_source *next;
    char *text; /* as written */
    bool is_wanted;
    bool is_failing;    /* logged, and not since well */
    uint64_t failed_ms; /* when it was logged last */
    struct cidr_list list;
    struct event *again;
    void (*free)(struct trust_source *);
};

/* Reads the file, and again when it changes. */
struct trust_source *trust_file_new(struct event_base *, const char *text);
/* Asks for the name, and again as its answer says. The resolver is borrowed. */
struct trust_source *trust_dns_new(
    struct event_base *, struct resolver *, const char *text);

/* Takes the list over. full: which name has these addresses; NULL: no name. */
void trust_source_set(
    struct trust_source *, struct cidr_list *, const char *full);
/* Logged at once, and once a minute for as long as it lasts. */
void trust_source_fail(struct trust_source *, const char *why);
/* The end of a failure. */
void trust_source_is_well(struct trust_source *);

#endif
