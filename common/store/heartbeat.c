/*
 * heartbeat.c - this process's own leases: it is alive, and serves these faces.
 *
 * So the daemons count each other; and as a write by the script the heartbeat
 * is also the honest probe: a server that answers PING may still be a replica
 * or out of memory. It goes out when a connection is ready, at each probe of
 * the breaker and every lease_ttl/3. Any failure of it is the store's.
 */
#include "common/store/redis_store_internal.h"
#include "common/store/store_inspect.h"

#include "common/base/clock.h"

#include <hiredis/hiredis.h>
#include <string.h>

#define HEARTBEAT_LEASES    (1 + FACES)
#define HEARTBEATS_LOST_MAX 8 /* four seconds or so */

/* One for the process, and one for each face; what it does not serve is 0,
 * which says all the same how many others do. */
static const struct script_call *heartbeat_write(
    struct redis_node *node, uint32_t alive, unsigned serves)
{
    struct script_call *call = &node->store->call;
    script_call_begin(call, &node->store->holder,
        redis_connection_script_sha(redis_node_connection(node)),
        HEARTBEAT_LEASES, SCRIPT_CHARGE);
    script_call_add_lease(call, &node->pulse, "", alive);
    for (enum face face = 0; face < FACES; face++)
        script_call_add_lease(
            call, &node->pulse, face_name(face), serves >> face & 1);
    return call;
}

void heartbeat_send(struct redis_node *node)
{
    if (node->heartbeat.slot != NULL)
        return;
    /* Without a slot it has no key to write; there is an ASK to follow. */
    if (node->store->slots != NULL && !node->has_slots) {
        redis_node_succeed(node);
        return;
    }
    const struct script_call *call =
        heartbeat_write(node, 1, node->store->serves);
    redis_clock_read(&node->clock, redis_node_connection(node));
    node->told_serves = node->store->serves;
    node->heartbeat_due_ms = clock_monotonic_ms() + node->store->renew_ms;
    if (!redis_connection_call(redis_node_connection(node), &node->heartbeat,
            call->argc, call->argv, call->argv_len))
        redis_node_fail(node, "too many calls are unanswered");
}

/* The slot of its key has gone elsewhere: that says nothing of the node. With
 * the next map it has another key. */
static void heartbeat_on_moved(struct redis_node *node)
{
    redis_slots_ask(node->store);
    if (!redis_node_is_usable(node))
        redis_node_fail(node, "the slot map is out of date");
}

static void heartbeat_on_error(struct redis_node *node, const redisReply *reply)
{
    enum redis_trouble trouble = redis_node_take_error(node, reply);
    if (trouble == TROUBLE_ALL)
        return;
    if (trouble == TROUBLE_ELSEWHERE) {
        heartbeat_on_moved(node);
        return;
    }
    if (trouble == TROUBLE_REPEAT && !node->heartbeat_is_repeated) {
        node->heartbeat_is_repeated = true;
        heartbeat_send(node);
        return;
    }
    redis_node_fail(node, "the script cannot be run");
}

/*
 * A server that is new to us, or has forgotten all, learns of the others only
 * as they come back: until a silent one would have been given up, the larger
 * number is right.
 */
static void heartbeat_learn(
    struct redis_store *store, const uint32_t alive[HEARTBEAT_LEASES])
{
    bool is_settled = clock_monotonic_ms() >= store->settled_ms;
    for (size_t i = 0; i < HEARTBEAT_LEASES; i++)
        if (is_settled || alive[i] > store->alive[i])
            store->alive[i] = alive[i];
}

/* Answers that are always late may be another question's: only a new
 * connection tells. */
static void heartbeat_on_lost(struct redis_node *node)
{
    const char *reason = "no answer within store_timeout";
    redis_node_fail(node, reason);
    if (++node->heartbeats_lost >= HEARTBEATS_LOST_MAX)
        redis_connection_drop(redis_node_connection(node), reason);
}

static void heartbeat_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_node *node = call->context;
    uint32_t alive[HEARTBEAT_LEASES];
    if (reply == NULL) {
        heartbeat_on_lost(node);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        heartbeat_on_error(node, reply);
    } else if (!script_reply_read_leases(reply, HEARTBEAT_LEASES, alive)) {
        redis_node_fail(node, "an unexpected reply to the heartbeat");
    } else {
        if (strcmp(node->pulse.text, store_daemons.text) == 0)
            heartbeat_learn(node->store, alive);
        node->heartbeat_is_repeated = false;
        node->heartbeats_lost = 0;
        redis_node_succeed(node);
        if (node->told_serves != node->store->serves)
            heartbeat_send(node);
    }
}

const struct subject store_daemons = {
    .len = sizeof "instances" - 1,
    .text = "instances",
};

void heartbeat_init(struct redis_node *node)
{
    node->pulse = store_daemons;
    node->heartbeat.context = node;
    node->heartbeat.on_reply = heartbeat_on_reply;
}

void heartbeat_on_connected(struct redis_node *node)
{
    node->heartbeats_lost = 0;
    node->store->settled_ms =
        clock_monotonic_ms() + node->store->holder.lease_ttl_ms;
}

void heartbeat_farewell(struct redis_node *node)
{
    redis_connection_cancel(&node->heartbeat);
    if (node->store->slots != NULL && !node->has_slots)
        return;
    const struct script_call *call = heartbeat_write(node, 0, 0);
    (void)redis_connection_call(redis_node_connection(node), NULL, call->argc,
        call->argv, call->argv_len);
}
