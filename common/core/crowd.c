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
    struct crowd *crowd, const struct cidr *client, struct crowd_share *share_r)
{
    vote(crowd, client);
    crowd->total++;
    *share_r = (struct crowd_share){crowd->hits, crowd->total};
    if (crowd->total == CROWD_SIZE)
        crowd->total = 0;
    return share_r->of == CROWD_FIRST || share_r->of == CROWD_SIZE;
}

bool crowd_is_one(const struct crowd_share *share)
{
    return share->hits * 4 >= share->of * 3;
}
