/*
 * cidr.h - networks and lists of them.
 *
 * A list is sorted while it is built, and searched afterwards without
 * allocation. It keeps no net that lies inside another of its nets, so its
 * items are disjoint, and not always all that were added. An empty list
 * contains nothing. Pure.
 */
#ifndef TOLLGATE_BASE_CIDR_H
#define TOLLGATE_BASE_CIDR_H

#include "common/base/address.h"
#include "common/base/error.h"

#define CIDR_TEXT_SIZE (ADDRESS_TEXT_SIZE + 4)

struct cidr {
    struct address net;    /* host bits are 0 */
    uint8_t prefix_length; /* 0..32 or 0..128 */
};

struct cidr_list {
    struct cidr *items; /* owned */
    size_t count;
};

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address alone (its full length).
 * Host bits that are set are an error that names the network that was meant.
 * ::ffff:0:0/96 and longer is folded to IPv4.
 */
bool cidr_parse(const char *text, struct cidr *cidr_r, struct error *err);
char *cidr_format(const struct cidr *, char text[CIDR_TEXT_SIZE]);

/* The network of an address: masked to prefix_length (bits at the most). */
struct cidr cidr_of(const struct address *, unsigned prefix_length);

/* False for an address of another family. */
bool cidr_contains(const struct cidr *, const struct address *);
/* Every address of inner is in outer. */
bool cidr_contains_net(const struct cidr *outer, const struct cidr *inner);

/* Adds one address or network as text. False: err says why; the list is as
 * before. */
bool cidr_list_add(struct cidr_list *, const char *text, struct error *err);
/* Is the address in one of the networks? A binary search. */
bool cidr_list_contains(const struct cidr_list *, const struct address *);
/* One of its nets holds all of it; not several of them together. */
bool cidr_list_contains_net(const struct cidr_list *, const struct cidr *);
/* The first of its nets that has an address in common with it; or NULL. */
const struct cidr *cidr_list_overlap(
    const struct cidr_list *, const struct cidr *);
void cidr_list_clear(struct cidr_list *);

#endif
