/*
 * guard.h - rules that keep all but trusted proxies off the proxied ports.
 *
 * They stand in front of the proof: what never connects need not be refused.
 * A list in a file or in the DNS is what it is now; whoever changes it makes
 * the rules anew.
 */
#ifndef TOLLGATE_CTL_GUARD_H
#define TOLLGATE_CTL_GUARD_H

#include "common/config/config.h"

#include <stdio.h>

struct guard_port {
    const struct config_service *service; /* borrowed */
    struct cidr_list nets;                /* all that may connect */
};

struct guard {
    struct guard_port *ports; /* by port number */
    size_t count;
};

/*
 * Asks the resolver, and waits for it. False: nothing is proxied; a proxied
 * service has no port or trusts nobody; a list cannot be had, so that rules
 * made of the rest would keep a proxy out.
 */
bool guard_collect(
    const struct config *, struct guard *guard_r, struct error *);
void guard_clear(struct guard *);

/* For nft -f: a table of its own, replaced as a whole. */
void guard_print_nft(const struct guard *, FILE *out);

/*
 * A NetworkPolicy for the pods with these labels ("key=value" each; count at
 * least 1). It leaves all other ports as they are, from anywhere.
 */
void guard_print_policy(
    const struct guard *, const char *const *labels, size_t count, FILE *out);
/* "key=value" as Kubernetes takes it. */
bool guard_label_check(const char *label, struct error *err);

#endif
