/*
 * majority.h - does one client make up most of a crowd?
 *
 * Pure, and of fixed size however many clients come (Boyer and Moore's
 * majority vote): behind a gateway that rewrites addresses all clients look
 * like one, and limits would hit them together.
 */
#ifndef TOLLGATE_CORE_MAJORITY_H
#define TOLLGATE_CORE_MAJORITY_H

#include "common/base/cidr.h"

/* Arrivals after which a crowd is looked at first, and that make one. */
#define MAJORITY_FIRST 10
#define MAJORITY_SIZE  1000

/* All zero: no client has come. */
struct majority {
    struct cidr client; /* the candidate */
    uint32_t votes;     /* its lead */
    uint32_t hits;      /* its arrivals since it is the candidate */
    uint32_t total;
};

struct majority_share {
    uint32_t hits; /* arrivals of the candidate, at least */
    uint32_t of;   /* MAJORITY_FIRST or MAJORITY_SIZE */
};

/*
 * A client has come. True at the MAJORITY_FIRSTth arrival and at the
 * MAJORITY_SIZEth, with which the crowd ends and the next one begins.
 */
bool majority_note(struct majority *, const struct cidr *client,
    struct majority_share *share_r);

/* Three quarters of the arrivals were one client. */
bool majority_is_one(const struct majority_share *);

#endif
