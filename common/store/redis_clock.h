/*
 * redis_clock.h - what time it was at a server, at the earliest.
 *
 * For taking charges back (store_refund) without asking for a receipt with each
 * of them: TIME goes out with each heartbeat. The answer was written before it
 * came, so what a server's clock is ahead of ours is known from below. A server
 * that does not say what time it is keeps its charges.
 */
#ifndef TOLLGATE_STORE_REDIS_CLOCK_H
#define TOLLGATE_STORE_REDIS_CLOCK_H

#include "common/redis/connection.h"

struct redis_clock {
    struct redis_call call;
    bool is_known;
    int64_t lead_ms; /* of the server's clock before clock_monotonic_ms */
};

/* Zero before; knows no time yet. */
void redis_clock_init(struct redis_clock *);
/* Asks, unless it is being asked. */
void redis_clock_read(struct redis_clock *, struct redis_connection *);
/* A new connection, maybe to another server. */
void redis_clock_forget(struct redis_clock *);
/* The server's ms at a moment of clock_monotonic_ms, or a little earlier; 0:
 * not known. */
uint64_t redis_clock_then(const struct redis_clock *, uint64_t moment_ms);

#endif
