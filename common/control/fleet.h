/*
 * fleet.h - the names of all daemons of a shared store, as they announce them.
 *
 * fleet_describe shows the last answer of the store, and asks again if that is
 * FLEET_EVERY_MS old.
 */
#ifndef TOLLGATE_CONTROL_FLEET_H
#define TOLLGATE_CONTROL_FLEET_H

#include <jansson.h>

#define FLEET_EVERY_MS 5000

struct daemon;
struct fleet;

/* Nothing is asked before the first fleet_describe. */
struct fleet *fleet_new(struct daemon *);
/* Must be freed before the daemon's store. */
void fleet_free(struct fleet **);

/*
 * A new array of {"name": "mx1/policyd", "self": true}, at most
 * STORE_HOLDERS_MAX. A daemon that has not announced itself has its id as its
 * name. null: the store is not shared, or has not answered yet.
 */
json_t *fleet_describe(struct fleet *);

#endif
