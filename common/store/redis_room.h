/*
 * redis_room.h - how much memory a server has left, and whether it forgets.
 *
 * By INFO, a few times a minute, beside all else: nothing depends on it, and
 * who may not ask for it knows nothing. What is found is for people.
 */
#ifndef TOLLGATE_STORE_REDIS_ROOM_H
#define TOLLGATE_STORE_REDIS_ROOM_H

#include "common/redis/connection.h"
#include "common/store/store.h"

struct redis_node;

struct redis_room {
    struct redis_call call;
    struct redis_node *node;
    uint64_t due_ms;         /* asked for again then */
    bool is_stats;           /* the second half is under way */
    struct store_room found; /* of the last whole look */
    struct store_room next;  /* of the look that is under way */
    enum store_room_trouble logged;
};

/* The node is borrowed and outlives it. */
void redis_room_init(struct redis_room *, struct redis_node *);
/* Asks if it is time to. */
void redis_room_look(struct redis_room *, uint64_t now_ms);
/* A new connection, maybe to another server: what was found is void. */
void redis_room_forget(struct redis_room *);
/* Of several servers: what is to be told of all. */
void redis_room_add(struct store_room *sum, const struct store_room *);

#endif
