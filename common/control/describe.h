/*
 * describe.h - what commands and the status page both tell, as JSON.
 *
 * From memory only: bounded, at once, the store may be away.
 */
#ifndef TOLLGATE_CONTROL_DESCRIBE_H
#define TOLLGATE_CONTROL_DESCRIBE_H

#include <jansson.h>

struct control_host;

/* The result of `status`. */
json_t *describe_status(const struct control_host *);
/* The result of `peers`. */
json_t *describe_peers(const struct control_host *);
/* [{event, key, refused, least, most}]: whom this daemon has refused most in
 * the last two minutes, at most ten. */
json_t *describe_refused(const struct control_host *);

#endif
