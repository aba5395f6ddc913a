/*
 * redis_charge.c - one request is one EVALSHA, and one answer to whoever asked.
 *
 * Not sent when it cannot be answered in time (breaker open, too many wait)
 * or need not be (known to be refused; never in a Cluster). A request that is
 * cancelled while a lease, or more than one server, is being asked stays here
 * as an orphan, with copies of its charges and of all that they borrow, until
 * it is known whether there is something to give back.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static const struct store_part *part_of(
    const struct store_pending *pending, size_t charge)
{
    const struct store_part *part = pending->parts;
    while ((part->charges >> charge & 1) == 0)
        part++;
    return part;
}

/* What a server has noted of a lease that it was asked for. */
static enum lease_outcome lease_outcome_of(
    const struct store_pending *pending, size_t charge)
{
    const struct store_part *part = part_of(pending, charge);
    if (!part->is_sent)
        return LEASE_REFUSED;
    if (part->status != STORE_OK)
        return LEASE_UNKNOWN;
    return part->passes && !pending->charges[charge].refused ? LEASE_ADMITTED
                                                             : LEASE_REFUSED;
}

static void pending_settle_leases(
    struct store_pending *pending, enum store_status status)
{
    bool is_wanted = pending->request != NULL &&
                     (status == STORE_PARTLY ||
                         charges_pass(pending->charges, pending->count));
    for (size_t i = 0; i < pending->lease_count; i++)
        lease_answer(pending->store->leases, pending->leases[i].lease,
            pending->leases[i].mine,
            lease_outcome_of(pending, pending->leases[i].index), is_wanted,
            pending->sent_ms);
    redis_store_write_leases(pending->store);
}

/*
 * What is known now without Redis, for the next request and for an outage.
 * A Cluster's refusal is true of its moment only: the unit that made it one
 * may be on its way back.
 */
static void pending_note(const struct store_pending *pending)
{
    struct redis_store *store = pending->store;
    if (store->slots == NULL)
        refused_cache_note(
            store->refused, pending->charges, pending->count, pending->sent_ms);
    memory_store_note(store->memory, pending->charges, pending->count,
        charges_pass(pending->charges, pending->count), clock_monotonic_ms());
}

static bool charge_is_refundable(
    const struct store_part *part, const struct charge *charge, size_t index)
{
    return (part->charges >> index & 1) != 0 &&
           charge->kind == CHARGE_SLIDING && !charge->refused;
}

/*
 * Unasked: a refund that is lost costs the client one unit for one window,
 * like any other lost reply.
 */
static void part_refund(const struct store_part *part)
{
    const struct store_pending *pending = part->pending;
    struct redis_store *store = pending->store;
    const struct charge *charges = pending->charges;
    size_t first = 0, count = 0;
    for (size_t i = pending->count; i-- > 0;)
        if (charge_is_refundable(part, &charges[i], i)) {
            first = i;
            count++;
        }
    struct redis_node *node =
        count == 0 ? NULL
                   : redis_store_route(store, charges[first].subject->text,
                         charges[first].subject->len);
    if (node == NULL)
        return;
    struct script_call *call = &store->call;
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(redis_node_connection(node)), count,
        SCRIPT_REFUND);
    for (size_t i = first; i < pending->count; i++)
        if (charge_is_refundable(part, &charges[i], i))
            script_call_add_refund(call, &charges[i], part->charged_ms);
    (void)redis_connection_call(redis_node_connection(node), NULL, call->argc,
        call->argv, call->argv_len);
}

void redis_store_refund(struct redis_store *store, const struct charge *charge)
{
    refused_cache_forget(store->refused, charge);
    struct redis_node *node =
        redis_store_route(store, charge->subject->text, charge->subject->len);
    if (node == NULL)
        return;
    struct script_call *call = &store->call;
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(redis_node_connection(node)), 1,
        SCRIPT_REFUND);
    script_call_add_refund(call, charge, charge->charged_ms);
    (void)redis_connection_call(redis_node_connection(node), NULL, call->argc,
        call->argv, call->argv_len);
}

static void pending_set_unknown(const struct store_part *part)
{
    struct store_pending *pending = part->pending;
    for (size_t i = 0; i < pending->count; i++) {
        struct charge *charge = &pending->charges[i];
        if ((part->charges >> i & 1) == 0)
            continue;
        charge->is_unknown = true;
        charge->refused = false;
        charge->used = 0;
        charge->retry_ms = 0;
    }
}

/*
 * What the parts say together. One that refuses decides, whatever the others
 * may be; then those that have charged are to take it back.
 */
static enum store_status pending_conclude(struct store_pending *pending)
{
    size_t missing = 0;
    bool is_refused = false;
    if (pending->part_count == 1)
        return pending->parts[0].status;
    for (size_t i = 0; i < pending->count; i++)
        pending->charges[i].is_unknown = false;
    for (size_t i = 0; i < pending->part_count; i++) {
        const struct store_part *part = &pending->parts[i];
        missing += part->status != STORE_OK;
        is_refused |= part->status == STORE_OK && !part->passes;
        if (part->status != STORE_OK)
            pending_set_unknown(part);
    }
    for (size_t i = 0; i < pending->part_count && is_refused; i++)
        if (pending->parts[i].status == STORE_OK && pending->parts[i].passes &&
            pending->parts[i].has_receipt)
            part_refund(&pending->parts[i]);
    if (missing == 0 || is_refused)
        return STORE_OK;
    return missing == pending->part_count ? STORE_UNAVAILABLE : STORE_PARTLY;
}

/* Calls out: the last thing to do with it. */
static void charge_finish(struct store_pending *pending)
{
    struct redis_store *store = pending->store;
    struct store_request *request = pending->request;
    enum store_status status = pending_conclude(pending);
    pending_settle_leases(pending, status);
    if (status != STORE_OK)
        store->failures++;
    else if (request != NULL && !pending->peek)
        pending_note(pending);
    if (request == NULL)
        free(pending->charges);
    redis_pending_free(pending);
    if (request == NULL)
        return;
    request->pending = NULL;
    request->on_done(request, status);
}

/* Of this process: asked for now, those of others under way included. */
static uint32_t pending_mine(struct store_pending *pending, size_t index)
{
    const struct charge *charge = &pending->charges[index];
    if (charge->kind != CHARGE_LEASE)
        return 0;
    for (size_t i = 0; i < pending->lease_count; i++) {
        const struct lease *asked = pending->leases[i].lease;
        if (pending->leases[i].index == index)
            return pending->leases[i].mine = asked->held + asked->asking;
    }
    const struct lease *lease =
        lease_find(pending->store->leases, charge->subject, charge->name);
    return lease == NULL ? 1 : lease->held + lease->asking + 1;
}

static bool charge_send(struct store_part *part, struct redis_node *node)
{
    struct store_pending *pending = part->pending;
    struct script_call *call = &pending->store->call;
    part->has_receipt = pending->part_count > 1 && !pending->peek;
    enum script_mode mode = pending->peek       ? SCRIPT_PEEK
                            : part->has_receipt ? SCRIPT_RECEIPT
                                                : SCRIPT_CHARGE;
    script_call_begin(call, &pending->store->holder,
        redis_connection_script_sha(redis_node_connection(node)),
        (size_t)__builtin_popcount(part->charges), mode);
    for (size_t i = 0; i < pending->count; i++)
        if ((part->charges >> i & 1) != 0)
            script_call_add(
                call, &pending->charges[i], pending_mine(pending, i));
    return redis_connection_call(redis_node_connection(node), &part->call,
        call->argc, call->argv, call->argv_len);
}

/* The charges of a part, and back. */
static size_t part_gather(
    const struct store_part *part, struct charge some[STORE_CHARGES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < part->pending->count; i++)
        if ((part->charges >> i & 1) != 0)
            some[count++] = part->pending->charges[i];
    return count;
}

static void part_scatter(
    const struct store_part *part, const struct charge some[STORE_CHARGES_MAX])
{
    for (size_t i = 0; i < part->pending->count; i++)
        if ((part->charges >> i & 1) != 0)
            part->pending->charges[i] = *some++;
}

static bool charge_take_some(struct store_part *part, const redisReply *reply)
{
    struct charge some[STORE_CHARGES_MAX];
    size_t count = part_gather(part, some);
    bool is_read =
        part->has_receipt
            ? script_reply_read_receipt(reply, some, count, &part->charged_ms)
            : script_reply_read(reply, some, count, part->pending->peek);
    if (!is_read)
        return false;
    part->passes = charges_pass(some, count);
    part_scatter(part, some);
    return true;
}

static bool charge_take_all(struct store_part *part, const redisReply *reply)
{
    struct store_pending *pending = part->pending;
    if (!script_reply_read(
            reply, pending->charges, pending->count, pending->peek))
        return false;
    part->passes = charges_pass(pending->charges, pending->count);
    return true;
}

/* For store_refund, long after. */
static void part_date(struct store_part *part)
{
    struct store_pending *pending = part->pending;
    if (!part->has_receipt)
        part->charged_ms =
            redis_clock_then(&part->node->clock, pending->sent_ms);
    for (size_t i = 0; i < pending->count; i++)
        if ((part->charges >> i & 1) != 0)
            pending->charges[i].charged_ms = part->charged_ms;
}

static bool charge_take(struct store_part *part, const redisReply *reply)
{
    part->passes = false;
    if (part->has_receipt || part->pending->part_count > 1) {
        if (!charge_take_some(part, reply))
            return false;
    } else if (!charge_take_all(part, reply)) {
        return false;
    }
    part_date(part);
    return true;
}

/* One part for each subject: its keys are in one slot. */
static void pending_divide(struct store_pending *pending)
{
    uint32_t taken = 0;
    for (size_t i = 0; i < pending->count; i++) {
        const struct subject *subject = pending->charges[i].subject;
        uint32_t same = 0;
        for (size_t j = i; j < pending->count; j++) {
            const struct subject *other = pending->charges[j].subject;
            if ((taken >> j & 1) == 0 && other->len == subject->len &&
                memcmp(other->text, subject->text, subject->len) == 0)
                same |= 1u << j;
        }
        if (same != 0)
            (void)store_part_add(pending, same);
        taken |= same;
    }
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

void redis_store_look(
    const struct redis_store *store, struct charge *charges, size_t count)
{
    if (refused_cache_look(
            store->refused, charges, count, clock_monotonic_ms()))
        return;
    for (size_t i = 0; i < count; i++) {
        charges[i].used = 0;
        charges[i].retry_ms = 0;
        charges[i].refused = false;
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
    pending->send = charge_send;
    pending->take = charge_take;
    pending->finish = charge_finish;
    pending->request = request;
    pending->charges = request->charges;
    pending->count = request->count;
    pending->peek = request->peek;
    pending->sent_ms = now_ms;
    pending->due_ms = now_ms + store->timeout_ms;
    request->pending = pending;
    pending_ask_leases(pending);
    if (store->slots == NULL)
        (void)store_part_add(pending, (1u << request->count) - 1);
    else
        pending_divide(pending);
    store_parts_begin(pending);
}

/* What an orphan owns, in one piece; free() ends it. */
struct orphan_bill {
    struct charge charges[STORE_CHARGES_MAX];
    struct subject subjects[STORE_CHARGES_MAX];
    char names[];
};

/* The session that owns the subjects ends, a reload frees the names. */
static struct charge *orphan_charges(const struct charge *charges, size_t count)
{
    size_t names_size = 0;
    for (size_t i = 0; i < count; i++)
        names_size += strlen(charges[i].name) + 1;
    struct orphan_bill *bill = xcalloc(1, sizeof *bill + names_size);
    char *name = bill->names;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(charges[i].name) + 1;
        bill->charges[i] = charges[i];
        bill->subjects[i] = *charges[i].subject;
        bill->charges[i].subject = &bill->subjects[i];
        bill->charges[i].name = memcpy(name, charges[i].name, size);
        name += size;
    }
    return bill->charges;
}

void redis_store_cancel(
    struct redis_store *store, struct store_request *request)
{
    struct store_pending *pending = request->pending;
    if (pending == NULL)
        return;
    request->pending = NULL;
    if (pending->lease_count == 0 &&
        (pending->peek || pending->part_count == 1)) {
        redis_pending_cancel(pending);
        return;
    }
    pending->request = NULL;
    pending->charges = orphan_charges(request->charges, request->count);
}
