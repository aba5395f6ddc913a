/*
 * majority.c - see majority.h. A client that is most of the crowd becomes the
 * candidate early and stays it, so its hits lack few of its arrivals.
 */
#include "common/core/majority.h"

static bool is_same(const struct cidr *a, const struct cidr *b)
{
    return a->prefix_length == b->prefix_length &&
           address_equal(&a->net, &b->net);
}

static void vote(struct majority *majority, const struct cidr *client)
{
    if (majority->total == 0 ||
        (majority->votes == 0 && !is_same(&majority->client, client))) {
        majority->client = *client;
        majority->hits = 0;
        majority->votes = 0;
    }
    if (is_same(&majority->client, client)) {
        majority->votes++;
        majority->hits++;
    } else {
        majority->votes--;
    }
}

bool majority_note(struct majority *majority, const struct cidr *client,
    struct majority_share *share_r)
{
    vote(majority, client);
    majority->total++;
    *share_r = (struct majority_share){majority->hits, majority->total};
    if (majority->total == MAJORITY_SIZE)
        majority->total = 0;
    return share_r->of == MAJORITY_FIRST || share_r->of == MAJORITY_SIZE;
}

bool majority_is_one(const struct majority_share *share)
{
    return share->hits * 4 >= share->of * 3;
}
