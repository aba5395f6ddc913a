/*
 * redis_charge.c - one request is one EVALSHA, and one answer to whoever asked.
 *
 * Not sent when it cannot be answered in time (breaker open, too many wait)
 * or need not be (known to be refused). A request that is cancelled while a
 * lease is being asked for stays here as an orphan, with a copy of its
 * charges, until it is known whether there is something to give back.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"
#include "common/base/memory.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static void pending_settle_leases(
    struct store_pending *pending, enum store_status status)
{
    const struct charge *charges = pending->charges;
    bool is_known = status == STORE_OK || !pending->is_sent;
    bool passes = status == STORE_OK && charges_pass(charges, pending->count);
    for (size_t i = 0; i < pending->lease_count; i++) {
        enum lease_outcome outcome = LEASE_UNKNOWN;
        if (is_known)
            outcome = passes && !charges[pending->leases[i].index].refused
                          ? LEASE_ADMITTED
                          : LEASE_REFUSED;
        lease_answer(pending->store->leases, pending->leases[i].lease,
            pending->leases[i].mine, outcome, pending->request != NULL,
            pending->sent_ms);
    }
    redis_store_write_leases(pending->store);
}

/* Calls out: the last thing to do with it. */
static void pending_finish_charge(
    struct store_pending *pending, enum store_status status)
{
    struct redis_store *store = pending->store;
    struct store_request *request = pending->request;
    pending_settle_leases(pending, status);
    if (status != STORE_OK)
        store->failures++;
    else if (request != NULL && !pending->peek)
        refused_cache_note(
            store->refused, pending->charges, pending->count, pending->sent_ms);
    if (request == NULL)
        free(pending->charges);
    redis_pending_free(pending);
    if (request == NULL)
        return;
    request->pending = NULL;
    request->on_done(request, status);
}

/* Counts: asked for now, those of others under way included. */
static uint32_t pending_mine(const struct store_pending *pending,
    const struct charge *charge, size_t *lease_index)
{
    if (charge->kind != CHARGE_LEASE)
        return 0;
    if (!pending->peek)
        return pending->leases[(*lease_index)++].mine;
    const struct lease *lease =
        lease_find(pending->store->leases, charge->subject, charge->name);
    return lease == NULL ? 1 : lease->held + lease->asking + 1;
}

static bool pending_send(struct store_pending *pending)
{
    struct redis_store *store = pending->store;
    struct script_call *call = &store->call;
    size_t lease_index = 0;
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(store->connection), pending->count,
        pending->peek);
    for (size_t i = 0; i < pending->count; i++) {
        const struct charge *charge = &pending->charges[i];
        script_call_add(
            call, charge, pending_mine(pending, charge, &lease_index));
    }
    return redis_connection_call(store->connection, &pending->call, call->argc,
        call->argv, call->argv_len);
}

static void pending_ask_leases(struct store_pending *pending)
{
    for (size_t i = 0; i < pending->count; i++) {
        const struct charge *charge = &pending->charges[i];
        if (charge->kind != CHARGE_LEASE || pending->peek)
            continue;
        size_t at = pending->lease_count++;
        pending->leases[at].index = i;
        pending->leases[at].lease = lease_ask(pending->store->leases,
            charge->subject, charge->name, &pending->leases[at].mine);
    }
}

/* The script was missing, so nothing ran: once more, in the time left. */
static bool pending_repeat(struct store_pending *pending)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (pending->is_repeated || pending->request == NULL ||
        now_ms >= pending->due_ms)
        return false;
    pending->is_repeated = true;
    pending->call.timeout_ms = pending->due_ms - now_ms;
    pending->sent_ms = now_ms;
    for (size_t i = 0; i < pending->lease_count; i++) {
        const struct lease *lease = pending->leases[i].lease;
        pending->leases[i].mine = lease->held + lease->asking;
    }
    return pending_send(pending);
}

static void pending_on_error(
    struct store_pending *pending, const redisReply *reply)
{
    switch (redis_store_take_error(pending->store, reply)) {
    case TROUBLE_ALL:
        return;
    case TROUBLE_REPEAT:
        if (pending_repeat(pending))
            return;
        break;
    case TROUBLE_ONE:
        break;
    }
    pending_finish_charge(pending, STORE_UNAVAILABLE);
}

static void pending_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_pending *pending = call->context;
    struct redis_store *store = pending->store;
    if (reply == NULL) {
        redis_store_fail(store, "no answer within store_timeout");
        return;
    }
    store->round_trips++;
    if (reply->type == REDIS_REPLY_ERROR)
        pending_on_error(pending, reply);
    else if (script_reply_read(
                 reply, pending->charges, pending->count, pending->peek))
        pending_finish_charge(pending, STORE_OK);
    else {
        redis_store_complain(store, "an unexpected reply to a charge");
        pending_finish_charge(pending, STORE_UNAVAILABLE);
    }
}

void redis_store_charge(
    struct redis_store *store, struct store_request *request)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (!request->peek && refused_cache_answer(store->refused, request->charges,
                              request->count, now_ms)) {
        request->on_done(request, STORE_OK);
        return;
    }
    struct store_pending *pending = redis_pending_new(store);
    if (pending == NULL) {
        request->on_done(request, STORE_UNAVAILABLE);
        return;
    }
    pending->call.on_reply = pending_on_reply;
    pending->finish = pending_finish_charge;
    pending->request = request;
    pending->charges = request->charges;
    pending->count = request->count;
    pending->peek = request->peek;
    pending->sent_ms = now_ms;
    pending->due_ms = now_ms + store->timeout_ms;
    request->pending = pending;
    pending_ask_leases(pending);
    pending->is_sent = pending_send(pending);
    if (!pending->is_sent)
        pending_finish_charge(pending, STORE_UNAVAILABLE);
}

void redis_store_cancel(
    struct redis_store *store, struct store_request *request)
{
    struct store_pending *pending = request->pending;
    if (pending == NULL)
        return;
    request->pending = NULL;
    if (pending->lease_count == 0) {
        redis_connection_cancel(store->connection, &pending->call);
        redis_pending_free(pending);
        return;
    }
    pending->request = NULL;
    pending->charges = xcalloc(pending->count, sizeof(struct charge));
    memcpy(pending->charges, request->charges,
        pending->count * sizeof(struct charge));
}
