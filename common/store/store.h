/*
 * store.h - where counters live: in this process, or in Redis for all.
 *
 * A request carries all charges of one decision, at most STORE_CHARGES_MAX.
 * They are made in one atomic step, on the store's own clock, all or nothing
 * (core/charge.h says what "all" means). on_done is called exactly once,
 * always: before store_charge returns (memory:, or a client known to be
 * refused), or later from the loop, at the latest store_timeout after the
 * request; and at once while the store is known to be away (breaker.h), or
 * REDIS_PENDING_MAX requests wait already. Never retried by the store: a charge
 * that was sent and not answered may have counted, so one lost reply can cost
 * one extra count at most, never a lost one. A reply that comes late is
 * dropped.
 *
 * Leases: a CHARGE_LEASE that passes is held by this process until
 * store_release. Each process writes its absolute count under its own random
 * identity, renews it every lease_ttl/3, and is forgotten lease_ttl after
 * its last renewal; so a crash, a lost reply or a failover heals by itself.
 * Leases survive the loss of the store: the local count is always right, and
 * is written again, as it stands then, when the store is back. Nothing else is:
 * what store_charge_local counted stays in this process.
 *
 * In a Cluster "one step" is one for each key of a limit (subject): they are
 * charged at the same time, and if one refuses, what the others have charged
 * is taken back. Until then, a few ms, others are judged as if it had been
 * admitted: at most one refusal that need not have been for each unit taken
 * back, and never one unit too many. A refund that is lost is one extra count.
 * So there every refusal is asked for; one server's are remembered for 1 s.
 *
 * Every key has a time to live. A counter takes 170 to 400 bytes in Redis and
 * 120 to 350 in this process, where there are at most MEMORY_STORE_ENTRIES_MAX.
 */
#ifndef TOLLGATE_STORE_STORE_H
#define TOLLGATE_STORE_STORE_H

#include "common/base/error.h"
#include "common/core/charge.h"
#include "common/core/edict_table.h"
#include "common/core/event.h"

#include <stddef.h>

struct config;
struct event_base;
struct resolver;
struct store;

#define STORE_CHARGES_MAX CHARGES_MAX
#define STORE_NOTE_SIZE   32

enum store_status {
    STORE_OK,
    STORE_PARTLY,      /* what is known passes; charges with is_unknown are
                          those of a server that is away */
    STORE_UNAVAILABLE, /* nothing known; results are not set */
};

/* Owned by the caller, and where it is until on_done or store_cancel. */
struct store_request {
    struct charge *charges; /* 1..STORE_CHARGES_MAX */
    size_t count;
    bool peek; /* read only: results say what a charge would do */
    void (*on_done)(struct store_request *, enum store_status);
    void *context; /* the caller's */

    struct store_pending *pending; /* the store's, NULL while idle */
};

/*
 * Opens what config->store names. memory: cannot fail; a Redis that is away
 * is not an error (it is tried again for ever), a bad URL is. The resolver is
 * borrowed; with NULL hosts must be addresses.
 */
struct store *store_open(struct event_base *, struct resolver *,
    const struct config *, struct error *err);
/* Leases of this process are given back where the store can be reached. */
void store_close(struct store **);

/* on_done is called once, perhaps before this returns, at the latest
 * store_timeout later. */
void store_charge(struct store *, struct store_request *);
/*
 * As a peek, of what this process knows by itself: a Redis is not asked, and
 * only what it has refused within REFUSED_TRUST_MS is refused. Answers before
 * it returns, always STORE_OK.
 */
void store_look(struct store *, struct store_request *);
/*
 * The same on this process's memory alone, for an outage: answers before it
 * returns. The caller has divided the limits by store_state's `serving`. What
 * the store has let in for this process is counted here already.
 */
void store_charge_local(struct store *, struct store_request *);
/* The caller goes away: no on_done; a lease that passes yet is given back. */
void store_cancel(struct store *, struct store_request *);
/*
 * Gives back what a CHARGE_SLIDING that passed has taken, as its request left
 * it (copies of subject and name will do). since_ms: clock_monotonic_ms before
 * the request, or earlier. There is no answer: if the request is lost the units
 * stay counted. So they do where their window may be over, and in Redis if it
 * was away when they were charged or is away now. What others were admitted for
 * is counted for as long as before, or longer. Other daemons may believe for
 * REFUSED_TRUST_MS that the client is refused.
 */
void store_refund(struct store *, const struct charge *, uint64_t since_ms);
/* Ends one unit of a lease that passed. Never waits, never fails. */
void store_release(struct store *, const struct subject *, const char *name);

/*
 * Notes: small values shared by all daemons, one hour of life, for what must
 * be remembered about a message (policyd/message_memory.h).
 */
void store_note_write(struct store *, const char *key, const char *value);
struct store_recall {
    char value[STORE_NOTE_SIZE]; /* "" where there is none */
    void (*on_done)(struct store_recall *, enum store_status);
    void *context;
    struct store_pending *pending;
};
/* on_done is called once, perhaps before this returns. */
void store_note_read(struct store *, const char *key, struct store_recall *);
/* No on_done any more. */
void store_recall_cancel(struct store *, struct store_recall *);

/*
 * To tell of a key once in the whole fleet: each daemon adds what it has seen,
 * and one of them is asked to tell all of it, at most once in every_ms.
 * memory: asks the caller each time. Owned by the caller, and where it is until
 * on_done or the cancel.
 */
struct store_tell {
    uint32_t count;    /* seen here since the last call that was answered */
    uint64_t every_ms; /* 1.. */
    uint32_t told;     /* so many are to be told by the caller now; 0: none */
    uint64_t wait_ms;  /* nobody is asked to tell before; 0: it may be told */
    bool is_left;      /* there is something to be told then */
    void (*on_done)(struct store_tell *, enum store_status);
    void *context;
    struct store_recall recall; /* the store's */
};
/* on_done is called once, perhaps before this returns. STORE_UNAVAILABLE: the
 * count may have been taken all the same. */
void store_tell(struct store *, const char *key, struct store_tell *);
/* No on_done any more. */
void store_tell_cancel(struct store *, struct store_tell *);

/*
 * Which faces this process serves: bits 1u << enum face, 0 from when it
 * drains. The others count it as one who feeds the limits of those faces, and
 * in an outage leave a share to it.
 */
void store_serve(struct store *, unsigned faces);

/*
 * Reads what the store's files hold (TLS material) again: used by the next
 * connection, and that is made soon if anything has changed. False: the old
 * stays, nothing has happened.
 */
bool store_reload(struct store *, struct error *err);

/*
 * Edicts: bans and overrides, the same in all daemons of a store within a
 * second. What is known here is a table in this process, so a decision asks
 * nobody; while the store is away it stays, each until its own end. memory:
 * has them for this process alone and its successors. At most EDICTS_MAX.
 */
enum store_edict_result {
    STORE_EDICT_DONE,
    STORE_EDICT_NONE, /* to be lifted: there is none */
    STORE_EDICT_KEPT, /* an automatic one: the ban of a person stays; or
                         keeps_as_long, and there is such a one */
    STORE_EDICT_FULL,
    STORE_EDICT_UNAVAILABLE, /* not done, as far as is known: no answer */
};
/* Owned by the caller, and where it is until on_done or the cancel. */
struct store_edict_request {
    struct edict edict; /* without until_ms, set_ms */
    uint64_t life_ms;   /* from now on; 0: lift the one of this key */
    bool keeps_as_long; /* one whose whole life is as long or longer stays */
    void (*on_done)(struct store_edict_request *, enum store_edict_result);
    void *context;
    struct store_errand *errand; /* the store's, NULL while idle */
};
/* on_done is called once, perhaps before this returns. */
void store_edict_write(struct store *, struct store_edict_request *);
/* No on_done any more; what was sent is written all the same. */
void store_edict_cancel(struct store *, struct store_edict_request *);
/* What this daemon knows; borrowed. */
struct edict_table *store_edicts(struct store *);

/*
 * Boards: a text of each daemon that the others can read, for 20 s after it
 * was shown last. Nothing waits for it, and nothing is lost with it.
 */
#define STORE_BOARD_MAX 6000
void store_board_show(struct store *, const char *text, size_t len);
struct store_board_request {
    /* Of each other daemon; any bytes. */
    void (*on_board)(
        struct store_board_request *, const char *text, size_t len);
    void (*on_done)(struct store_board_request *, enum store_status);
    void *context;
    struct store_errand *errand;
};
/* on_board for each board of another daemon, then on_done once. */
void store_board_read(struct store *, struct store_board_request *);
/* Neither on_board nor on_done any more. */
void store_board_cancel(struct store *, struct store_board_request *);

/*
 * Records: a text of each daemon, hour and name, for all daemons to read for
 * STORE_RECORD_DAYS; the last that was kept stays. At most STORE_RECORDS_MAX:
 * what is beyond them is not kept. memory: has them for this process alone.
 */
#define STORE_RECORD_DAYS 7
#define STORE_RECORD_MAX  4096
#define STORE_RECORDS_MAX 20000
/* hour: since 1970, of now or the one before. name: printable, at most 200
 * bytes. False: it was not sent. */
bool store_record_keep(struct store *, uint64_t hour, const char *name,
    const char *text, size_t len);
struct store_record_request {
    uint64_t since_hour; /* of this hour and later, perhaps one more */
    /* Of each daemon, this one too; any bytes. */
    void (*on_record)(
        struct store_record_request *, const char *text, size_t len);
    void (*on_done)(struct store_record_request *, enum store_status);
    void *context;
    struct store_errand *errand;
};
/* on_record for each record, then on_done once; perhaps before this returns. */
void store_records_read(struct store *, struct store_record_request *);
/* Neither on_record nor on_done any more. */
void store_records_cancel(struct store *, struct store_record_request *);

/* Is it shared with other processes (not memory:)? */
bool store_is_shared(const struct store *);

/* Whether a store has room for more; the worst last. */
enum store_room_trouble {
    STORE_ROOM_UNKNOWN, /* memory: too */
    STORE_ROOM_FINE,
    STORE_ROOM_UNBOUNDED, /* no maxmemory */
    STORE_ROOM_FULL,      /* 80 % of it, or more */
    STORE_ROOM_EVICTS,    /* it has evicted keys since it was started */
};
/* As the server said within the last seconds: of several the worst one. */
struct store_room {
    enum store_room_trouble trouble;
    uint64_t used, max; /* bytes; max 0: no bound */
    uint64_t evicted;   /* keys, of all servers */
    char policy[24];    /* maxmemory-policy */
};
#define STORE_ROOM_TEXT 128
/* What is to be said of it; "": all is well. */
void store_room_describe(const struct store_room *, char text[STORE_ROOM_TEXT]);

struct store_state {
    bool is_available;       /* memory: always */
    const char *description; /* URL without password */
    uint64_t tracked;        /* memory: counters held */
    uint64_t leases;         /* units held by this process */
    const char *breaker; /* "closed", "open", "half-open"; memory: "closed" */
    uint32_t instances;  /* daemons alive on this store when it was last seen,
                            this one included; 1..; memory: 1 */
    uint32_t serving[FACES]; /* of them, those that serve this face and are not
                                draining; 1.. */
    uint64_t round_trips, failures, reconnects; /* since start */
    struct store_room room;
};
/* As it is now, without asking a server. Texts are borrowed. */
void store_state(const struct store *, struct store_state *state_r);

#endif
