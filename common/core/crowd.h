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

#define CROWD_SIZE 1000 /* arrivals that are looked at together */

/* All zero: nobody has come. */
struct crowd {
    struct cidr client; /* the candidate */
    uint32_t votes;     /* its lead */
    uint32_t hits;      /* its arrivals since it is the candidate */
    uint32_t total;
};

/*
 * One has come. True at the CROWD_SIZEth, if three quarters of them were one
 * client: *hits_r says how many, at least. Then the next crowd begins.
 */
bool crowd_note(struct crowd *, const struct cidr *client, uint32_t *hits_r);

#endif
