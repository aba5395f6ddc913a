/*
 * redis_store.h - the store in Redis, shared by all daemons.
 *
 * The same verbs and promises as store.h, which stands in front of it. Leases
 * are in the table that it is given, and are written from there. What it
 * counts for this process is noted in the memory store that it is given.
 */
#ifndef TOLLGATE_STORE_REDIS_STORE_H
#define TOLLGATE_STORE_REDIS_STORE_H

#include "common/store/lease.h"
#include "common/store/memory.h"
#include "common/store/store_inspect.h"

struct redis_store;
struct resolver;

/* The table of edicts is the facade's too; its pointer is written. */
struct redis_store *redis_store_open(struct event_base *, struct resolver *,
    const struct config *, struct lease_table *, struct memory_store *,
    struct edict_table **, struct error *err);
void redis_store_close(struct redis_store **);

/* As store_charge says; calls out once. */
void redis_store_charge(struct redis_store *, struct store_request *);
/* What the server has refused within REFUSED_TRUST_MS; it is not asked. */
void redis_store_look(
    const struct redis_store *, struct charge *charges, size_t count);
/* No on_done any more; what was sent stays charged. */
void redis_store_cancel(struct redis_store *, struct store_request *);
/* Its charged_ms is not 0. */
void redis_store_refund(struct redis_store *, const struct charge *);
/* A lease changed by itself: tell Redis soon. */
void redis_store_write_leases(struct redis_store *);

/* As store_serve says; told by the next heartbeat. */
void redis_store_serve(struct redis_store *, unsigned faces);

/* Without an answer: a note that is lost is written again by its owner. */
void redis_store_note_write(
    struct redis_store *, const char *key, const char *value);
/* As store_note_read says. */
void redis_store_note_read(
    struct redis_store *, const char *key, struct store_recall *);
/* No on_done any more. */
void redis_store_recall_cancel(struct redis_store *, struct store_recall *);

/* As store_tell says; store_tell_cancel ends the wait of its recall. */
void redis_store_tell(
    struct redis_store *, const char *key, struct store_tell *);

/* Reads TLS material again; if it has changed, connects anew with it while
 * the old connections go on. False: the old material stays. */
bool redis_store_reload(struct redis_store *, struct error *err);
/* redis_edicts.h has the verbs. */
struct redis_edicts *redis_store_edicts(struct redis_store *);
/* GET or DEL of the counter. */
void redis_store_inspect(
    struct redis_store *, const char *command, struct store_inspection *);
void redis_store_inspect_cancel(
    struct redis_store *, struct store_inspection *);
/* Who is known to be refused is asked about again. */
void redis_store_trust_nobody(struct redis_store *);
void redis_store_id(const struct redis_store *, char text_r[STORE_ID_SIZE]);

/* Everything but tracked and leases. */
void redis_store_state(const struct redis_store *, struct store_state *);

#endif
