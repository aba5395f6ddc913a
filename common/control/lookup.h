/*
 * lookup.h - "/lookup.json" of the status page: show and explain, for reading.
 *
 *   /lookup.json?command=show&key=198.51.100.7
 *   /lookup.json?command=explain&client=198.51.100.7&sasl=bob
 *
 * The query is made the line of a control call without any right to change,
 * and the answer is that call's.
 */
#ifndef TOLLGATE_CONTROL_LOOKUP_H
#define TOLLGATE_CONTROL_LOOKUP_H

#include "common/base/error.h"

#include <jansson.h>

struct control_host;
struct http_visit;

/* Pure: application/x-www-form-urlencoded into the object that the control
 * socket takes. NULL: malformed, or no command that may be asked this way. */
json_t *lookup_request(const char *query, struct error *err);

/* Answers the visit now or later; the host outlives it. */
void lookup_begin(
    struct http_visit *, const char *query, const struct control_host *);

#endif
