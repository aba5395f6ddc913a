/*
 * crowd.h - does one client make up most of a crowd?
 *
 * Pure, and of fixed size however many clients come (Boyer and Moore's
 * majority vote): behind a gateway that rewrites addresses all clients look
 * like one, and limits would hit them together.
 */
#ifndef TOLLGATE_CORE_CROWD_H
#define TOLLGATE_CORE_CROWD_H

#include "common/base/cidr.h"

#define CROWD_FIRST 10   /* arrivals after which a crowd is looked at first */
#define CROWD_SIZE  1000 /* arrivals that are looked at together */

/* All zero: no client has come. */
struct crowd {
    struct cidr client; /* the candidate */
    uint32_t votes;     /* its lead */
    uint32_t hits;      /* its arrivals since it is the candidate */
    uint32_t total;
};

struct crowd_share {
    uint32_t hits; /* arrivals of the candidate, at least */
    uint32_t of;   /* CROWD_FIRST or CROWD_SIZE */
};

/*
 * A client has come. True at the CROWD_FIRSTth arrival and at the CROWD_SIZEth,
 * with which the crowd ends and the next one begins.
 */
bool crowd_note(
    struct crowd *, const struct cidr *client, struct crowd_share *share_r);

/* Three quarters of the arrivals were one client. */
bool crowd_is_one(const struct crowd_share *);

#endif
