/*
 * trust.h - lists of trusted proxies that change while we run.
 *
 * "file:/path": one network or address a line, # begins a comment; looked at
 * every second. "dns:name": all its addresses, asked for every 20 s by the
 * resolver, so that a re-pointed name is obeyed within 30 s. Whatever goes
 * wrong, the last good answer stays, and the log says so once a minute. Before
 * the first answer a list is empty: nobody is trusted by it.
 */
#ifndef TOLLGATE_NET_TRUST_H
#define TOLLGATE_NET_TRUST_H

#include "common/base/cidr.h"

struct event_base;
struct resolver;
struct trust;

/* The resolver is borrowed; NULL: a name has no address. */
struct trust *trust_new(struct event_base *, struct resolver *);
void trust_free(struct trust **);

/*
 * Brackets a new configuration: between the two calls trust_want names every
 * source that is still wanted, as it is written. One that was known keeps its
 * list; files are read at once, names are asked for by the next turn of the
 * loop.
 */
void trust_begin(struct trust *);
void trust_want(struct trust *, const char *source);
void trust_end(struct trust *);

/* Adds what is in such a file now, for a program without a loop. */
bool trust_file_load(
    const char *path, struct cidr_list *list, struct error *err);

/* Of the source's list; false too if it was not wanted. */
bool trust_contains(
    const struct trust *, const char *source, const struct cidr *net);
/* One of the list's networks that has an address in common with net, or NULL;
 * valid until the loop turns. */
const struct cidr *trust_overlap(
    const struct trust *, const char *source, const struct cidr *net);

#endif
