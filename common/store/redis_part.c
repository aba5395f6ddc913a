/*
 * redis_part.c - sends the parts of a request to their servers, and waits.
 *
 * A part is one call. It ends once: with its reply, or without one when it
 * could not be sent or its server was given up. Nothing that may have run is
 * sent again; but a script that was missing, a slot that is elsewhere (MOVED,
 * ASK) and keys that are on two servers for a while (TRYAGAIN) mean that
 * nothing has run. In the last case every key goes alone, for one key is
 * always somewhere.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <string.h>

#define MOVES_MAX       5 /* more, and the nodes do not agree */
#define ERROR_TEXT_SIZE 160

static struct redis_node *part_route(const struct store_part *part)
{
    const struct store_pending *pending = part->pending;
    if (part->charges == 0)
        return redis_store_route_key(pending->store, pending->key);
    const struct subject *subject =
        pending->charges[__builtin_ctz(part->charges)].subject;
    return redis_store_owner(pending->store, subject->text, subject->len);
}

static bool part_send(struct store_part *part, struct redis_node *node)
{
    if (node == NULL || !redis_node_is_usable(node) ||
        !part->pending->send(part, node))
        return false;
    part->is_sent = true;
    part->node = node;
    TAILQ_INSERT_TAIL(&node->parts, part, link);
    return true;
}

bool store_part_send_command(struct store_part *part, struct redis_node *node)
{
    const struct store_pending *pending = part->pending;
    const char *argv[] = {pending->command, pending->key};
    const size_t lens[] = {strlen(pending->command), pending->key_len};
    return redis_connection_call(
        redis_node_connection(node), &part->call, 2, argv, lens);
}

static void part_leave(struct store_part *part)
{
    if (part->node != NULL)
        TAILQ_REMOVE(&part->node->parts, part, link);
    part->node = NULL;
    /* Sent, but it has not run. */
    part->is_sent = false;
}

/* An orphan is not: what has not run yet need not. */
static bool part_is_awaited(const struct store_part *part)
{
    const struct store_pending *pending = part->pending;
    return pending->request != NULL || pending->recall != NULL ||
           pending->inspection != NULL;
}

/* Then its call may take what is left. */
static bool part_has_time(struct store_part *part)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= part->pending->due_ms)
        return false;
    part->call.timeout_ms = part->pending->due_ms - now_ms;
    return true;
}

/* Is there time, and anybody, left? Then it is free to be sent again. */
static bool part_may_go_on(struct store_part *part)
{
    part_leave(part);
    return part_is_awaited(part) && part_has_time(part) &&
           part->moves++ < MOVES_MAX;
}

static bool part_repeat(struct store_part *part, struct redis_node *node)
{
    bool is_first = !part->is_repeated;
    part->is_repeated = true;
    return part_may_go_on(part) && is_first && part_send(part, node);
}

static void node_set_deadline(struct redis_node *node, uint64_t due_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t ms = due_ms > now_ms ? due_ms - now_ms : 0;
    const struct timeval tv = clock_span(ms);
    (void)evtimer_add(node->deadline, &tv);
}

/* A server that we have just heard of is worth the moment that connecting
 * takes; one that could not be reached is not. */
static bool part_park(
    struct store_part *part, struct redis_node *node, bool is_ask)
{
    if (node->has_failed || redis_node_is_usable(node))
        return false;
    part->is_parked = true;
    part->is_ask = is_ask;
    part->node = node;
    TAILQ_INSERT_TAIL(&node->parts, part, link);
    if (!evtimer_pending(node->deadline, NULL))
        node_set_deadline(node, part->pending->due_ms);
    return true;
}

static struct store_part *first_parked(
    const struct redis_node *node, uint64_t due_by_ms)
{
    struct store_part *part;
    TAILQ_FOREACH(part, &node->parts, link)
        if (part->is_parked && part->pending->due_ms <= due_by_ms)
            return part;
    return NULL;
}

void store_parts_unpark(struct redis_node *node)
{
    struct store_part *part;
    while ((part = first_parked(node, UINT64_MAX)) != NULL) {
        part->is_parked = false;
        part_leave(part);
        bool is_awaited = part_is_awaited(part) && part_has_time(part);
        if (is_awaited && part->is_ask)
            redis_node_asking(node);
        if (!is_awaited || !part_send(part, node))
            store_part_end(part, STORE_UNAVAILABLE);
    }
}

void store_parts_expire(struct redis_node *node)
{
    struct store_part *part;
    while ((part = first_parked(node, clock_monotonic_ms())) != NULL)
        store_part_end(part, STORE_UNAVAILABLE);
    if ((part = first_parked(node, UINT64_MAX)) != NULL)
        node_set_deadline(node, part->pending->due_ms);
}

static bool part_move(
    struct store_part *part, struct redis_node *from, const redisReply *reply)
{
    struct redis_store *store = part->pending->store;
    bool is_ask;
    struct redis_node *to = redis_store_redirect(store, from, reply, &is_ask);
    if (!part_may_go_on(part) || to == NULL)
        return false;
    if (!redis_node_is_usable(to))
        return part_park(part, to, is_ask);
    if (is_ask)
        redis_node_asking(to);
    return part_send(part, to);
}

/* Charges that share a key stay together. */
static uint32_t part_one_key(const struct store_part *part)
{
    const struct charge *charges = part->pending->charges;
    const struct charge *first = &charges[__builtin_ctz(part->charges)];
    uint32_t same = 0;
    for (size_t i = 0; i < part->pending->count; i++)
        if ((part->charges >> i & 1) != 0 && charges[i].kind == first->kind &&
            strcmp(charges[i].name, first->name) == 0)
            same |= 1u << i;
    return same;
}

static bool part_divide(struct store_part *part, struct redis_node *node)
{
    struct store_pending *pending = part->pending;
    uint32_t one = part->charges == 0 ? 0 : part_one_key(part);
    uint32_t others = part->charges & ~one;
    if (!part_may_go_on(part) || others == 0)
        return false;
    part->charges = one;
    struct store_part *rest = store_part_add(pending, others);
    rest->moves = part->moves;
    rest->call.timeout_ms = part->call.timeout_ms;
    pending->parts_open++;
    if (!part_send(rest, node)) {
        rest->status = STORE_UNAVAILABLE;
        pending->parts_open--;
    }
    return part_send(part, node);
}

/* A right that is missing for what is only told must stop no decision. */
static bool part_bears_error(
    const struct store_part *part, const redisReply *reply)
{
    char text[ERROR_TEXT_SIZE];

    if (!part->pending->is_aside ||
        script_error_of(reply->str) != SCRIPT_ERROR_SERVER)
        return false;
    log_escape(text, sizeof text, reply->str, reply->len);
    redis_store_complain(part->pending->store, text);
    return true;
}

static void part_on_error(struct store_part *part, const redisReply *reply)
{
    struct redis_node *node = part->node;
    bool goes_on = false;
    if (part_bears_error(part, reply)) {
        store_part_end(part, STORE_UNAVAILABLE);
        return;
    }
    switch (redis_node_take_error(node, reply)) {
    case TROUBLE_ALL:
        return;
    case TROUBLE_REPEAT:
        goes_on = part_repeat(part, node);
        break;
    case TROUBLE_ELSEWHERE:
        goes_on = part_move(part, node, reply);
        break;
    case TROUBLE_DIVIDED:
        goes_on = part_divide(part, node);
        break;
    case TROUBLE_ONE:
        break;
    }
    if (!goes_on)
        store_part_end(part, STORE_UNAVAILABLE);
}

static void part_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_part *part = call->context;
    struct redis_store *store = part->pending->store;
    if (reply == NULL) {
        redis_node_fail(part->node, "no answer within store_timeout");
        return;
    }
    store->round_trips++;
    if (reply->type == REDIS_REPLY_ERROR) {
        part_on_error(part, reply);
    } else if (part->pending->take(part, reply)) {
        store_part_end(part, STORE_OK);
    } else {
        redis_store_complain(store, "an unexpected reply");
        store_part_end(part, STORE_UNAVAILABLE);
    }
}

struct store_part *store_part_add(
    struct store_pending *pending, uint32_t charges)
{
    struct store_part *part = &pending->parts[pending->part_count++];
    *part = (struct store_part){
        .call = {.on_reply = part_on_reply, .context = part},
        .pending = pending,
        .charges = charges,
    };
    return part;
}

static void pending_part_ended(struct store_pending *pending)
{
    if (--pending->parts_open == 0)
        pending->finish(pending);
}

void store_part_end(struct store_part *part, enum store_status status)
{
    if (part->node != NULL)
        TAILQ_REMOVE(&part->node->parts, part, link);
    part->node = NULL;
    part->is_parked = false;
    part->status = status;
    pending_part_ended(part->pending);
}

/* In a Cluster a slot can belong to a server that was named a moment ago. */
static bool part_begin(struct store_part *part)
{
    struct redis_node *node = part_route(part);
    return part_send(part, node) ||
           (node != NULL && part->pending->store->slots != NULL &&
               part_park(part, node, false));
}

/* The whole counts as one part more, lest it ends before all have begun. */
void store_parts_begin(struct store_pending *pending)
{
    pending->parts_open = 1 + pending->part_count;
    for (size_t i = 0; i < pending->part_count; i++) {
        struct store_part *part = &pending->parts[i];
        if (!part_begin(part)) {
            part->status = STORE_UNAVAILABLE;
            pending->parts_open--;
        }
    }
    pending_part_ended(pending);
}
