/*
 * redis_store.h - the store in Redis, shared by all daemons.
 *
 * The same verbs and promises as store.h, which stands in front of it. Leases
 * are in the table that it is given, and are written from there.
 */
#ifndef TOLLGATE_STORE_REDIS_STORE_H
#define TOLLGATE_STORE_REDIS_STORE_H

#include "common/store/lease.h"
#include "common/store/store.h"

struct redis_store;

struct redis_store *redis_store_open(struct event_base *, const struct config *,
    struct lease_table *, struct error *err);
void redis_store_close(struct redis_store **);

void redis_store_charge(struct redis_store *, struct store_request *);
void redis_store_cancel(struct redis_store *, struct store_request *);
/* A lease changed by itself: tell Redis soon. */
void redis_store_write_leases(struct redis_store *);

void redis_store_note_write(
    struct redis_store *, const char *key, const char *value);
void redis_store_note_read(
    struct redis_store *, const char *key, struct store_recall *);
void redis_store_recall_cancel(struct redis_store *, struct store_recall *);

/* Everything but tracked and leases. */
void redis_store_state(const struct redis_store *, struct store_state *);

#endif
