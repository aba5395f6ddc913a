/*
 * breaker.h - may a charge go to the store now?
 *
 * Pure: a state, no I/O, no log, the clock is an argument. Closed while
 * answers come. Open from the first one that is late, or from the loss of the
 * connection: then nobody waits, every charge is answered at once. After a
 * pause one probe goes out (half-open); its answer closes the breaker, its
 * failure doubles the pause. A store that fails again before it has been well
 * for BREAKER_CALM_MS goes on with the pauses where they were: one that comes
 * and goes costs its users a late answer a second, not twenty. Probes are the
 * holder's to send.
 */
#ifndef TOLLGATE_STORE_BREAKER_H
#define TOLLGATE_STORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_PAUSE_MIN_MS 50
#define BREAKER_PAUSE_MAX_MS 1000
#define BREAKER_CALM_MS      2000

enum breaker_state {
    BREAKER_CLOSED,    /* in use */
    BREAKER_OPEN,      /* the pause before the next probe, or no connection */
    BREAKER_HALF_OPEN, /* one probe is under way */
};

struct breaker {
    enum breaker_state state;
    bool is_connected;
    uint64_t pause_ms;    /* the present one */
    uint64_t probe_at_ms; /* while open: not before, and not unconnected */
    uint64_t closed_ms;   /* when it was closed last */
};

const char *breaker_state_name(enum breaker_state); /* "half-open" */

/* Open and not connected: nothing has been heard of the store yet. */
void breaker_init(struct breaker *);

/* A connection is ready: the first probe may go as soon as the pause is over,
 * which it is unless it was lost soon after it had been well. */
void breaker_on_connected(struct breaker *, uint64_t now_ms);

/*
 * The connection is lost; an answer is late, or says that the server cannot
 * serve. True if the breaker was closed: the one moment to log, and to settle
 * all who wait.
 */
bool breaker_on_lost(struct breaker *, uint64_t now_ms);
bool breaker_on_failure(struct breaker *, uint64_t now_ms);

/* True once, when the pause is over: send a probe now. */
bool breaker_take_probe(struct breaker *, uint64_t now_ms);
/* The probe was answered well. True: it is closed now, and was not before. */
bool breaker_on_success(struct breaker *, uint64_t now_ms);

/* How long until breaker_take_probe may say true; 0 now; UINT64_MAX not by
 * waiting. */
uint64_t breaker_wait_ms(const struct breaker *, uint64_t now_ms);

#endif
