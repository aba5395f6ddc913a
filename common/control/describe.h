/*
 * describe.h - what commands and the status page both tell, as JSON.
 *
 * From memory only: bounded, at once, the store may be away.
 */
#ifndef TOLLGATE_CONTROL_DESCRIBE_H
#define TOLLGATE_CONTROL_DESCRIBE_H

#include <jansson.h>
#include <stddef.h>

struct control_host;

/* The result of `status`. */
json_t *describe_status(const struct control_host *);
/* The result of `peers`. */
json_t *describe_peers(const struct control_host *);
/* [{event, key, by, refused, least, most}]: whom this daemon has refused most
 * in the last two minutes, at most ten, each key once. by: the limit, or the
 * reason, that did it last. */
json_t *describe_refused(const struct control_host *);
/* {items, more}: the first `most`, as `bans` and `overrides` list them, and how
 * many others there are. */
json_t *describe_bans(const struct control_host *, size_t most);
json_t *describe_overrides(const struct control_host *, size_t most);

#endif
