/*
 * redis_tell.c - one daemon tells for all, by tell.lua.
 *
 * Rare, so each call takes the script along; any server of a Cluster learns
 * it by itself.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/store/tell_lua.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool tell_send(struct store_part *part, struct redis_node *node)
{
    const struct store_pending *pending = part->pending;
    const struct store_tell *tell = pending->recall->context;
    char count[16], every[24];
    int count_len = snprintf(count, sizeof count, "%" PRIu32, tell->count);
    int every_len = snprintf(every, sizeof every, "%" PRIu64, tell->every_ms);
    const char *argv[] = {"EVAL", tell_lua, "1", pending->key, count, every};
    const size_t lens[] = {4, sizeof tell_lua - 1, 1, pending->key_len,
        (size_t)count_len, (size_t)every_len};

    return redis_connection_call(
        redis_node_connection(node), &part->call, 6, argv, lens);
}

/* "TOLD WAIT LEFT"; false: something else. */
static bool tell_parse(struct store_tell *tell, const char *text)
{
    uint64_t told, wait, left;

    if (!decimal_read(&text, UINT32_MAX, &told) || *text++ != ' ' ||
        !decimal_read(&text, UINT64_MAX, &wait) || *text++ != ' ' ||
        !decimal_read(&text, UINT64_MAX, &left) || *text != '\0' ||
        wait > tell->every_ms)
        return false;
    tell->told = (uint32_t)told;
    tell->wait_ms = wait;
    tell->is_left = left > 0;
    return true;
}

static bool tell_take(struct store_part *part, const redisReply *reply)
{
    struct store_tell *tell = part->pending->recall->context;

    return reply->type == REDIS_REPLY_STRING && tell_parse(tell, reply->str);
}

/* Calls out: the last thing to do with it. */
static void tell_finish(struct store_pending *pending)
{
    struct store_tell *tell = pending->recall->context;
    enum store_status status = pending->parts[0].status;

    redis_pending_free(pending);
    tell->recall.pending = NULL;
    tell->on_done(tell, status);
}

void redis_store_tell(
    struct redis_store *store, const char *key, struct store_tell *tell)
{
    struct store_pending *pending = redis_pending_new(store);

    if (pending == NULL) {
        tell->on_done(tell, STORE_UNAVAILABLE);
        return;
    }
    pending->send = tell_send;
    pending->take = tell_take;
    pending->finish = tell_finish;
    pending->recall = &tell->recall;
    pending->is_aside = true;
    pending->due_ms = clock_monotonic_ms() + store->timeout_ms;
    pending->key_len = script_note_key(&store->holder, key, pending->key);
    tell->recall.context = tell;
    tell->recall.pending = pending;
    (void)store_part_add(pending, 0);
    store_parts_begin(pending);
}
