/*
 * charge.h - one entry on the bill that a decision sends to a store.
 *
 * The engine writes the upper half, the store the lower. Charges of one
 * request are all or nothing: if one that is not `shadow` refuses, no sliding,
 * distinct or lease charge is made. CHARGE_FIXED always counts, as anvil does.
 */
#ifndef TOLLGATE_CORE_CHARGE_H
#define TOLLGATE_CORE_CHARGE_H

#include <stdbool.h>
#include <stdint.h>

#define CHARGES_MAX 16 /* of one request */
#define LEASES_MAX  4  /* of them, how many can be CHARGE_LEASE */

enum charge_kind {
    CHARGE_SLIDING,  /* at most `limit` units in any window (core/window.h) */
    CHARGE_FIXED,    /* anvil's window: from the first event after expiry */
    CHARGE_LEASE,    /* things open at once; held until store_release */
    CHARGE_DISTINCT, /* different values in any window (core/distinct.h) */
    CHARGE_DISTINCT_FIXED, /* from the first one after expiry */
};

/*
 * Whom a counter belongs to: "s=25|c=198.51.100.7". Parts are escaped, so no
 * two subjects have the same text; long ones end in a hash (core/limit.h).
 */
#define SUBJECT_SIZE 128

struct subject {
    uint8_t len;
    char text[SUBJECT_SIZE]; /* NUL-terminated */
};

#define CHARGE_NEVER (-1) /* more than the limit allows at any time */

/* Does it count different values? */
static inline bool charge_kind_is_distinct(enum charge_kind kind)
{
    return kind == CHARGE_DISTINCT || kind == CHARGE_DISTINCT_FIXED;
}

struct charge {
    enum charge_kind kind;
    const struct subject *subject; /* borrowed, lives as long as the charge */
    const char *name;   /* which counter of the subject; borrowed. Two charges
                           of one request differ in subject, name or field */
    uint8_t field;      /* CHARGE_FIXED: counters of one name share a window */
    bool shadow;        /* counts, but refuses nothing */
    uint32_t limit;     /* 1..; 0: report only (FIXED, LEASE), never refuses */
    uint32_t amount;    /* units, 1..; a lease, and a value, takes 1 */
    uint32_t value;     /* CHARGE_DISTINCT*: its distinct_hash, or DISTINCT_NONE
                           in a peek */
    uint64_t window_ms; /* 1..366 days; a lease has none */

    bool is_unknown; /* the store says so of some where it cannot say all */
    bool refused;    /* would go over the limit (true for a shadow too) */
    uint32_t used;   /* after this request, as it stands now */
    /* When a server has charged it, on its clock, at the earliest; 0: no server
     * has, or its clock is unknown. */
    uint64_t charged_ms;
    int64_t retry_ms; /* refused: from when on this amount would pass, counted
                         from the request; CHARGE_NEVER. Else 0 */
};

#endif
