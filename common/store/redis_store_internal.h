/*
 * redis_store_internal.h - what the files of the Redis store share:
 * redis_store.c (open, close, state), redis_node.c (a server: is it there?),
 * redis_slots.c (whose is a key?), heartbeat.c, redis_charge.c, redis_note.c,
 * redis_tell.c and redis_inspect.c (requests), redis_part.c (what one server
 * has to answer of them), redis_pending.c (who waits), lease_writer.c.
 * redis_edicts.c has a header of its own.
 */
#ifndef TOLLGATE_STORE_REDIS_STORE_INTERNAL_H
#define TOLLGATE_STORE_REDIS_STORE_INTERNAL_H

#include "common/redis/cluster.h"
#include "common/redis/sentinel.h"
#include "common/redis/tls.h"
#include "common/store/redis_node.h"
#include "common/store/redis_store.h"
#include "common/store/refused_cache.h"
#include "common/store/script_call.h"

#define REDIS_PENDING_MAX 1000 /* requests and recalls that wait */
#define REDIS_ERRANDS_MAX 32   /* calls of redis_edicts.h at once, about */
#define LEASE_BATCHES     4    /* under way at once: charges come between */
#define LEASE_BATCH_MAX   SCRIPT_LIMITS_MAX
#define REDIS_COMPLAINT_MS \
    10000 /* the same kind of trouble is logged once \
             in this time */

#define REDIS_REASONS_MAX 3 /* in that time, of one loss */

struct lease_batch {
    struct redis_call call;
    struct redis_store *store;
    struct redis_node *node; /* where it is under way */
    unsigned moves;          /* how often it was sent elsewhere */
    size_t count;            /* 0: free */
    uint64_t sent_ms;
    struct {
        struct lease *lease;
        uint32_t mine;
    } items[LEASE_BATCH_MAX];
};

struct lease_writer {
    struct event *event; /* once per turn of the loop */
    bool is_paused;      /* after an error, until the next tick */
    unsigned repeats;    /* for a missing script, since the last tick */
    size_t single_left;  /* so many go alone, to find the one at fault */
    struct lease_batch batches[LEASE_BATCHES];
};

/* What one server has to answer of a request or a recall. */
struct store_part {
    struct redis_call call;
    struct store_pending *pending;
    struct redis_node *node;      /* where it is under way; NULL: nowhere */
    TAILQ_ENTRY(store_part) link; /* of node's parts */
    uint32_t charges;             /* bits: which of them */
    enum store_status status;     /* when it has ended */
    unsigned char moves;          /* how often it was sent again */
    bool is_sent;                 /* and may have run */
    bool is_repeated;
    bool is_parked;      /* until node is connected */
    bool is_ask;         /* and then to be sent after ASKING */
    bool passes;         /* STORE_OK: none of its charges refuses */
    bool has_receipt;    /* was asked for what refunding takes */
    uint64_t charged_ms; /* with a receipt: when, on the server's clock */
};

#define PARTS_MAX STORE_CHARGES_MAX

/* A request or a recall that waits for its replies. */
struct store_pending {
    struct redis_store *store;
    /* Writes a part to a server; false: it takes nothing now. */
    bool (*send)(struct store_part *, struct redis_node *);
    /* A reply that is no error; false: it makes no sense. */
    bool (*take)(struct store_part *, const struct redisReply *);
    /* All parts have ended. Takes it off the list and answers: calls out. */
    void (*finish)(struct store_pending *);
    TAILQ_ENTRY(store_pending) link;
    struct store_recall *recall;
    struct store_inspection *inspection;
    struct store_request *request; /* NULL: cancelled, an orphan */
    struct charge *charges;        /* the request's, or an orphan's own */
    size_t count;
    bool peek;
    bool is_aside; /* no decision waits for it: an error is none of theirs */
    uint64_t sent_ms, due_ms;
    size_t lease_count;
    struct {
        struct lease *lease;
        uint32_t mine;
        size_t index; /* of its charge */
    } leases[STORE_CHARGES_MAX];
    size_t part_count, parts_open;
    /* From here on set as far as it is used. */
    struct store_part parts[PARTS_MAX];
    const char *command; /* of what is about one key */
    size_t key_len;
    char key[SCRIPT_KEY_SIZE];
};

TAILQ_HEAD(pending_list, store_pending);

struct redis_store {
    struct redis_url url;
    char *description, *client_name, *prefix;
    char *sentinel_username, *sentinel_password; /* NULL: none */
    uint64_t timeout_ms, renew_ms, tick_ms;
    struct redis_tls *tls;           /* NULL: without */
    struct resolver *resolver;       /* NULL: hosts are addresses */
    struct node_list nodes;          /* one, or the masters of a Cluster */
    struct redis_sentinel *sentinel; /* NULL: none */
    struct redis_slots *slots;       /* of a Cluster; else NULL */
    uint64_t complain_after_ms;

    struct script_holder holder;
    struct script_call call; /* the one that is being written */
    struct refused_cache *refused;
    struct lease_table *leases;  /* the facade's */
    struct memory_store *memory; /* the facade's */
    struct lease_writer writer;

    struct redis_edicts *edicts;

    unsigned serves;           /* bits 1u << enum face */
    uint32_t alive[1 + FACES]; /* all daemons; those that serve a face */
    uint64_t settled_ms; /* until then the server may not know all of them */

    struct pending_list waiting, spare;
    size_t waiting_count;
    uint64_t round_trips, failures;
};

/* A node has been connected, or lost, or can be used now. */
void redis_store_on_node(struct redis_store *, bool is_ready);
/* Where an error of a node sends us; NULL: nowhere. is_ask: for this once. */
struct redis_node *redis_store_redirect(struct redis_store *,
    const struct redis_node *from, const struct redisReply *, bool *is_ask_r);
/* One request had bad luck; others may not. Logged now and then. */
void redis_store_complain(struct redis_store *, const char *what);
/* The server that has the keys with this text in braces, whether it can be used
 * now or not; NULL: none is known. */
struct redis_node *redis_store_owner(
    const struct redis_store *, const char *tag, size_t len);
/* The same server; NULL: none, or it cannot be used now. */
struct redis_node *redis_store_route(
    const struct redis_store *, const char *tag, size_t len);
/* The same for a whole key. */
struct redis_node *redis_store_route_key(
    const struct redis_store *, const char *key);

/* redis_slots.c, for a Cluster alone */
void redis_slots_open(struct redis_store *, struct event_base *);
void redis_slots_close(struct redis_store *);
/* Who has the keys with this text in braces; NULL: nobody. */
struct redis_node *redis_slots_find(
    const struct redis_slots *, const char *tag, size_t len);
/* The node at an address, a new one if need be; NULL: there are more already
 * than any Cluster has. */
struct redis_node *redis_slots_node(
    struct redis_store *, const char *host, uint16_t port);
/* Each slot has an owner, and each owner can be used. */
bool redis_slots_are_whole(const struct redis_store *);
/* A slot is there now, whatever the map says. */
void redis_slots_moved(
    struct redis_store *, unsigned slot, struct redis_node *to);
/* The map is out of date. */
void redis_slots_ask(struct redis_store *);
/* Something about a node has changed. */
void redis_slots_on_node(struct redis_store *);
/* With new TLS material. */
void redis_slots_renew(struct redis_store *);

/* Whose leases count the daemons. */
void heartbeat_init(struct redis_node *);
void heartbeat_send(struct redis_node *);
/* To a server that may not know the other daemons yet. */
void heartbeat_on_connected(struct redis_node *);
/* Gives back this process's own leases, unasked. */
void heartbeat_farewell(struct redis_node *);

/* No request waits. */
void redis_pending_init(struct redis_store *);
/* Frees all that wait; none is answered. */
void redis_pending_clear(struct redis_store *);
/* On the list of those that wait, without parts; NULL: there are too many. */
struct store_pending *redis_pending_new(struct redis_store *);
/* No part of it is under way any more. */
void redis_pending_free(struct store_pending *);
/* The same while some may be: nobody wants the answers. */
void redis_pending_cancel(struct store_pending *);

/* One more part. Begin all of them at once. */
struct store_part *store_part_add(struct store_pending *, uint32_t charges);
/* Sends every part to who has its keys. Calls out if nothing can be sent. */
void store_parts_begin(struct store_pending *);
/* The pending's command and key. */
bool store_part_send_command(struct store_part *, struct redis_node *);
/* The node can be used now: what was parked there is sent. Calls out. */
void store_parts_unpark(struct redis_node *);
/* What is parked there and has no time left ends. Calls out. */
void store_parts_expire(struct redis_node *);
/* It is not under way any more. The last one of a request calls out. */
void store_part_end(struct store_part *, enum store_status);

/* Writes leases once a turn of the loop, if any are queued. */
void lease_writer_init(struct redis_store *, struct event_base *);
/* Writes nothing any more. */
void lease_writer_clear(struct redis_store *);
/* Writes what is queued, a few batches at a time. */
void lease_writer_run(struct redis_store *);
/* Goes on after an error, and renews those written before that moment. */
void lease_writer_tick(struct redis_store *, uint64_t renew_before_ms);
/* Batches under way there have no answer. */
void lease_writer_settle(struct redis_store *, const struct redis_node *);
/* Gives back everything, unasked. */
void lease_writer_farewell(struct redis_store *);

#endif
