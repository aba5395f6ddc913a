/*
 * newcomers.h - how many counters a client can make with names it invents.
 *
 * Pure; the clock is an argument. Of each client (as the counted network) and
 * limit the names are known that it has brought within the limit's window; one
 * more than the bound has no counter of its own. Memory is of a fixed size:
 * what is forgotten there counts as new again, so never more than the bound is
 * let in within a window that began with the first of them.
 */
#ifndef TOLLGATE_ENGINE_NEWCOMERS_H
#define TOLLGATE_ENGINE_NEWCOMERS_H

#include "common/core/limit.h"

struct newcomers;

/* Nothing is remembered at first. */
struct newcomers *newcomers_new(void);
/* NULL is allowed. */
void newcomers_free(struct newcomers **);

/* Does a stranger choose what such a key counts? A name without a login. */
bool newcomers_can_invent(uint16_t key);

/* What is asked about: whose, for which limit, for how long, at most how many;
 * is_peek: nothing is remembered. */
struct newcomer {
    const struct cidr *client;
    const char *limit;
    const struct subject *subject;
    uint64_t window_ms; /* 1.. */
    uint32_t max;       /* 1.. */
    bool is_peek;
};

/* True: the subject has a counter of its own. */
bool newcomers_admit(
    struct newcomers *, const struct newcomer *, uint64_t now_ms);

/* Of the client for all that it brings beyond the bound: "o=198.51.100.7". */
void newcomers_others(const struct cidr *client, struct subject *subject_r);

#endif
