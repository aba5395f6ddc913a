/*
 * crowd.c - see crowd.h. A client that is most of the crowd becomes the
 * candidate early and stays it, so its hits lack few of its arrivals.
 */
#include "common/core/crowd.h"

static bool is_same(const struct cidr *a, const struct cidr *b)
{
    return a->prefix_length == b->prefix_length &&
           address_equal(&a->net, &b->net);
}

static void vote(struct crowd *crowd, const struct cidr *client)
{
    if (crowd->total == 0 ||
        (crowd->votes == 0 && !is_same(&crowd->client, client))) {
        crowd->client = *client;
        crowd->hits = 0;
        crowd->votes = 0;
    }
    if (is_same(&crowd->client, client)) {
        crowd->votes++;
        crowd->hits++;
    } else {
        crowd->votes--;
    }
}

bool crowd_note(
    struct crowd *crowd, const struct cidr *client, uint32_t *hits_r)
{
    vote(crowd, client);
    if (++crowd->total < CROWD_SIZE)
        return false;
    *hits_r = crowd->hits;
    crowd->total = 0;
    return *hits_r >= CROWD_SIZE / 4 * 3;
}
