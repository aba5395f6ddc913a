/*
 * lease_writer.c - tells Redis what the lease table holds.
 *
 * Corrections, renewals and everything after an outage take the same way:
 * from the queue, up to fifty in a call, a few calls under way, so that
 * thousands of leases never stand before a charge in Redis for more than a ms.
 * A correction waits for a moment: a client that hangs up has often more to
 * say, and the charge of its next connection tells all there is to tell.
 *
 * An error stops writing until the next tick; the next ones go alone, so
 * that one broken value cannot keep its neighbours from being renewed.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#define REPEATS_MAX    8 /* for a missing script, in one tick */
#define LEASE_PAUSE_MS 5
#define MOVES_MAX      5

static void batch_finish(struct lease_batch *batch, enum lease_outcome outcome)
{
    size_t count = batch->count;
    batch->count = 0;
    for (size_t i = 0; i < count; i++)
        lease_written(batch->store->leases, batch->items[i].lease,
            batch->items[i].mine, outcome, batch->sent_ms);
}

static bool batch_send(struct redis_store *store, struct lease_batch *batch)
{
    struct script_call *call = &store->call;
    struct redis_connection *connection = redis_node_connection(batch->node);
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(connection), batch->count, SCRIPT_CHARGE);
    for (size_t i = 0; i < batch->count; i++) {
        const struct lease *lease = batch->items[i].lease;
        script_call_add_lease(
            call, &lease->subject, lease->name, batch->items[i].mine);
    }
    batch->sent_ms = clock_monotonic_ms();
    return redis_connection_call(
        connection, &batch->call, call->argc, call->argv, call->argv_len);
}

/* Its slot is elsewhere: it has not been written. */
static bool batch_move(struct lease_batch *batch, const struct redis_node *from,
    const redisReply *reply)
{
    bool is_ask;
    struct redis_node *to =
        redis_store_redirect(batch->store, from, reply, &is_ask);
    if (batch->moves++ >= MOVES_MAX || to == NULL || !redis_node_is_usable(to))
        return false;
    if (is_ask)
        redis_node_asking(to);
    batch->node = to;
    return batch_send(batch->store, batch);
}

static void batch_on_error(struct lease_batch *batch, const redisReply *reply)
{
    struct lease_writer *writer = &batch->store->writer;
    enum redis_trouble trouble = TROUBLE_ONE;
    struct redis_node *from = batch->node;
    if (reply->type == REDIS_REPLY_ERROR)
        trouble = redis_node_take_error(batch->node, reply);
    else
        redis_store_complain(batch->store, "an unexpected reply to a lease");
    if (trouble == TROUBLE_ALL ||
        (trouble == TROUBLE_ELSEWHERE && batch_move(batch, from, reply)))
        return;
    if (trouble == TROUBLE_ONE && batch->count > 1)
        writer->single_left += batch->count;
    if (trouble != TROUBLE_REPEAT || writer->repeats++ >= REPEATS_MAX)
        writer->is_paused = true;
    batch_finish(batch, LEASE_UNKNOWN);
}

static void batch_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct lease_batch *batch = call->context;
    struct redis_store *store = batch->store;
    uint32_t used[LEASE_BATCH_MAX];
    if (reply == NULL) {
        redis_node_fail(batch->node, "no answer within store_timeout");
        return;
    }
    if (script_reply_read_leases(reply, batch->count, used))
        batch_finish(batch, LEASE_ADMITTED);
    else
        batch_on_error(batch, reply);
    lease_writer_run(store);
}

/* Leases of one call are on one server, and in one slot of a Cluster. */
static size_t batch_size(const struct redis_store *store)
{
    bool goes_alone =
        store->writer.single_left > 0 || store->url.kind == REDIS_CLUSTER;
    return goes_alone ? 1 : LEASE_BATCH_MAX;
}

/* The next one whose server can be used; NULL: none. */
static struct lease *writer_next(
    struct redis_store *store, struct redis_node **node_r, uint32_t *mine_r)
{
    struct lease *lease;
    while ((lease = lease_next_write(store->leases, mine_r)) != NULL) {
        *node_r =
            redis_store_route(store, lease->subject.text, lease->subject.len);
        if (*node_r != NULL)
            return lease;
        lease_postpone(lease);
    }
    return NULL;
}

static void batch_fill(struct redis_store *store, struct lease_batch *batch)
{
    struct lease *lease;
    uint32_t mine;
    size_t size = batch_size(store);
    batch->moves = 0;
    while (batch->count < size &&
           (lease = writer_next(store, &batch->node, &mine)) != NULL) {
        batch->items[batch->count].lease = lease;
        batch->items[batch->count++].mine = mine;
    }
    if (store->writer.single_left > 0)
        store->writer.single_left--;
}

void lease_writer_run(struct redis_store *store)
{
    struct lease_writer *writer = &store->writer;
    for (size_t i = 0; i < LEASE_BATCHES; i++) {
        struct lease_batch *batch = &writer->batches[i];
        if (writer->is_paused || !lease_has_queued(store->leases))
            return;
        if (batch->count > 0)
            continue;
        batch_fill(store, batch);
        if (batch->count == 0)
            return;
        if (!batch_send(store, batch)) {
            batch_finish(batch, LEASE_UNKNOWN);
            writer->is_paused = true;
        }
    }
}

void lease_writer_tick(struct redis_store *store, uint64_t renew_before_ms)
{
    store->writer.is_paused = false;
    store->writer.repeats = 0;
    lease_queue_older(store->leases, renew_before_ms);
    lease_writer_run(store);
}

void lease_writer_settle(
    struct redis_store *store, const struct redis_node *node)
{
    for (size_t i = 0; i < LEASE_BATCHES; i++) {
        struct lease_batch *batch = &store->writer.batches[i];
        if (batch->count == 0 || batch->node != node)
            continue;
        redis_connection_cancel(&batch->call);
        batch_finish(batch, LEASE_UNKNOWN);
    }
}

static void lease_writer_on_event(int fd, short events, void *context)
{
    lease_writer_run(context);
}

void lease_writer_init(struct redis_store *store, struct event_base *base)
{
    store->writer.event = evtimer_new(base, lease_writer_on_event, store);
    if (store->writer.event == NULL)
        abort();
    for (size_t i = 0; i < LEASE_BATCHES; i++) {
        struct lease_batch *batch = &store->writer.batches[i];
        batch->store = store;
        batch->call.context = batch;
        batch->call.on_reply = batch_on_reply;
    }
}

void lease_writer_clear(struct redis_store *store)
{
    event_free(store->writer.event);
}

void redis_store_write_leases(struct redis_store *store)
{
    const struct timeval pause = {.tv_usec = LEASE_PAUSE_MS * 1000};
    if (lease_has_queued(store->leases) &&
        !evtimer_pending(store->writer.event, NULL))
        (void)evtimer_add(store->writer.event, &pause);
}

static bool batch_give_back(
    struct redis_store *store, const struct lease_batch *batch)
{
    struct script_call *call = &store->call;
    struct redis_connection *connection = redis_node_connection(batch->node);
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(connection), batch->count, SCRIPT_CHARGE);
    for (size_t i = 0; i < batch->count; i++)
        script_call_add_lease(call, &batch->items[i].lease->subject,
            batch->items[i].lease->name, 0);
    return redis_connection_call(
        connection, NULL, call->argc, call->argv, call->argv_len);
}

void lease_writer_farewell(struct redis_store *store)
{
    struct lease_batch *batch = &store->writer.batches[0];
    struct redis_node *node;
    TAILQ_FOREACH(node, &store->nodes, entry)
        lease_writer_settle(store, node);
    lease_queue_all(store->leases);
    do {
        batch->count = 0;
        batch_fill(store, batch);
    } while (batch->count > 0 && batch_give_back(store, batch));
    batch->count = 0;
}
