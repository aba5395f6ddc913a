/*
 * trust.h - lists of trusted proxies that change while we run.
 *
 * "file:/path": one network or address a line, # begins a comment; looked at
 * every second. "dns:name": all its addresses, asked for every 25 s by the
 * loop's own resolver, so that a re-pointed name is obeyed within 30 s.
 * Whatever goes wrong, the last good answer stays, with one log line for a
 * failure that lasts. Before the first answer a list is empty: nobody is
 * trusted by it.
 */
#ifndef TOLLGATE_NET_TRUST_H
#define TOLLGATE_NET_TRUST_H

#include "common/base/cidr.h"

struct event_base;
struct trust;

struct trust *trust_new(struct event_base *);
/* Turns the loop once: free what else has events in it before. */
void trust_free(struct trust **);

/*
 * Brackets a new configuration: between the two calls trust_want names every
 * source that is still wanted, as it is written. One that was known keeps its
 * list; files are read at once.
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
