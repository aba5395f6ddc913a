/*
 * store_inspect.h - looking into single counters, and forgetting them.
 *
 * For people, off the path of decisions. Each names its counter by a charge
 * as the engine would make it: kind, subject, name. on_done is called exactly
 * once, perhaps before the verb returns, at the latest store_timeout later.
 */
#ifndef TOLLGATE_STORE_STORE_INSPECT_H
#define TOLLGATE_STORE_STORE_INSPECT_H

#include "common/store/store.h"

#define STORE_ID_SIZE     17 /* 16 hex digits: a process, while it lives */
#define STORE_HOLDERS_MAX 32

struct store_holder {
    char id[STORE_ID_SIZE];
    bool is_ours;
    uint32_t count;
    uint64_t expiry_ms; /* the store's clock; only good for comparing */
};

/* Owned by the caller, and where it is until on_done or store_inspect_cancel.
 */
struct store_inspection {
    const struct charge *charge; /* borrowed */
    void (*on_done)(struct store_inspection *, enum store_status);
    void *context;

    /* store_read_holders: renewed last first. Those who did not renew in time
     * are among the last: the counter's `used` says how many count. */
    struct store_holder holders[STORE_HOLDERS_MAX];
    size_t holder_count;
    bool was_there; /* store_forget */

    struct store_pending *pending; /* the store's */
};

/* Whose lease (without a name) each living daemon of a shared store holds. */
extern const struct subject store_daemons;

/* Of a CHARGE_LEASE: who holds how many. */
void store_read_holders(struct store *, struct store_inspection *);
/*
 * The counter begins anew, not a lease: what is open stays open. Other daemons
 * may answer from memory for REFUSED_TRUST_MS that it refuses.
 */
void store_forget(struct store *, struct store_inspection *);
/* No on_done; a counter that is being forgotten may be forgotten yet. */
void store_inspect_cancel(struct store *, struct store_inspection *);

/* Tells the others which name is behind our id, for an hour; not more than 31
 * bytes of it are kept. */
void store_announce(struct store *, const char *name);
/* The note where a daemon's name is, for store_note_read. */
#define STORE_ANNOUNCE_KEY_SIZE 24
void store_announce_key(const char *id, char key_r[STORE_ANNOUNCE_KEY_SIZE]);

#endif
