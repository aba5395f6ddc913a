/*
 * redis_inspect.c - store_inspect.h in Redis: GET of a lease, DEL of a counter.
 *
 * A lease's value is as store.lua writes it: of each holder 6 bytes of expiry,
 * 8 of its id, 4 of its count, little-endian.
 */
#include "common/store/redis_store_internal.h"
#include "common/store/store_inspect.h"

#include "common/base/clock.h"
#include "common/base/hex.h"

#include <hiredis/hiredis.h>
#include <string.h>

#define HOLDER_BYTES 18

/* Calls out: the last thing to do with it. */
static void inspection_finish(struct store_pending *pending)
{
    struct store_inspection *inspection = pending->inspection;
    enum store_status status = pending->parts[0].status;
    redis_pending_free(pending);
    inspection->pending = NULL;
    inspection->on_done(inspection, status);
}

static uint64_t little_endian(const unsigned char *bytes, size_t len)
{
    uint64_t value = 0;
    while (len-- > 0)
        value = value << 8 | bytes[len];
    return value;
}

void redis_store_id(const struct redis_store *store, char text[STORE_ID_SIZE])
{
    (void)hex_write(text, store->holder.id, SCRIPT_ID_SIZE);
}

static void read_holder(const struct redis_store *store,
    const unsigned char *bytes, struct store_holder *holder)
{
    holder->expiry_ms = little_endian(bytes, 6);
    holder->is_ours = memcmp(bytes + 6, store->holder.id, SCRIPT_ID_SIZE) == 0;
    (void)hex_write(holder->id, bytes + 6, SCRIPT_ID_SIZE);
    holder->count = (uint32_t)little_endian(bytes + 14, 4);
}

/* Keeps them in order; of too many the one that renewed longest ago goes. */
static void insert_holder(
    struct store_inspection *inspection, const struct store_holder *holder)
{
    size_t at = inspection->holder_count;
    if (at < STORE_HOLDERS_MAX)
        inspection->holder_count++;
    else if (inspection->holders[--at].expiry_ms >= holder->expiry_ms)
        return;
    for (; at > 0 && inspection->holders[at - 1].expiry_ms < holder->expiry_ms;
         at--)
        inspection->holders[at] = inspection->holders[at - 1];
    inspection->holders[at] = *holder;
}

static bool inspection_take(struct store_part *part, const redisReply *reply)
{
    const struct store_pending *pending = part->pending;
    struct store_inspection *inspection = pending->inspection;
    struct store_holder holder;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        inspection->was_there = true;
    if (reply->type != REDIS_REPLY_STRING)
        return true;
    for (size_t at = 0; at + HOLDER_BYTES <= (size_t)reply->len;
         at += HOLDER_BYTES) {
        read_holder(
            pending->store, (const unsigned char *)reply->str + at, &holder);
        insert_holder(inspection, &holder);
    }
    return true;
}

void redis_store_inspect(struct redis_store *store, const char *command,
    struct store_inspection *inspection)
{
    const struct charge *charge = inspection->charge;
    struct store_pending *pending = redis_pending_new(store);
    if (pending == NULL) {
        inspection->on_done(inspection, STORE_UNAVAILABLE);
        return;
    }
    pending->send = store_part_send_command;
    pending->command = command;
    pending->take = inspection_take;
    pending->finish = inspection_finish;
    pending->inspection = inspection;
    pending->due_ms = clock_monotonic_ms() + store->timeout_ms;
    pending->key_len = script_counter_key(&store->holder, charge->kind,
        charge->subject, charge->name, pending->key);
    inspection->pending = pending;
    (void)store_part_add(pending, 0);
    store_parts_begin(pending);
}

void redis_store_inspect_cancel(
    struct redis_store *store, struct store_inspection *inspection)
{
    struct store_pending *pending = inspection->pending;
    if (pending == NULL)
        return;
    inspection->pending = NULL;
    redis_pending_cancel(pending);
}

void redis_store_trust_nobody(struct redis_store *store)
{
    refused_cache_clear(store->refused);
}
