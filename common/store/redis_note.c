/*
 * redis_note.c - notes: GET and SET with an hour of life.
 *
 * A note that cannot be written or read is not an error to anybody: what it
 * was to remember is counted once more at the worst.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"

#include <hiredis/hiredis.h>
#include <string.h>

#define NOTE_LIFE_MS "3600000"

void redis_store_note_write(
    struct redis_store *store, const char *key, const char *value)
{
    char full_key[SCRIPT_KEY_SIZE];
    size_t key_len = script_note_key(&store->holder, key, full_key);
    struct redis_node *node = redis_store_route_key(store, full_key);
    if (node == NULL)
        return;
    const char *argv[] = {"SET", full_key, value, "PX", NOTE_LIFE_MS};
    const size_t lens[] = {3, key_len, strnlen(value, STORE_NOTE_SIZE - 1), 2,
        sizeof NOTE_LIFE_MS - 1};
    (void)redis_connection_call(
        redis_node_connection(node), NULL, 5, argv, lens);
}

/* What is no note is as good as none. */
static bool recall_take(struct store_part *part, const redisReply *reply)
{
    char *value = part->pending->recall->value;
    if (reply->type == REDIS_REPLY_STRING && reply->len < STORE_NOTE_SIZE) {
        memcpy(value, reply->str, reply->len);
        value[reply->len] = '\0';
    }
    return true;
}

/* Calls out: the last thing to do with it. */
static void recall_finish(struct store_pending *pending)
{
    struct store_recall *recall = pending->recall;
    enum store_status status = pending->parts[0].status;
    redis_pending_free(pending);
    recall->pending = NULL;
    recall->on_done(recall, status);
}

void redis_store_note_read(
    struct redis_store *store, const char *key, struct store_recall *recall)
{
    struct store_pending *pending = redis_pending_new(store);
    recall->value[0] = '\0';
    if (pending == NULL) {
        recall->on_done(recall, STORE_UNAVAILABLE);
        return;
    }
    pending->send = store_part_send_command;
    pending->command = "GET";
    pending->take = recall_take;
    pending->finish = recall_finish;
    pending->recall = recall;
    pending->due_ms = clock_monotonic_ms() + store->timeout_ms;
    pending->key_len = script_note_key(&store->holder, key, pending->key);
    recall->pending = pending;
    (void)store_part_add(pending, 0);
    store_parts_begin(pending);
}

void redis_store_recall_cancel(
    struct redis_store *store, struct store_recall *recall)
{
    struct store_pending *pending = recall->pending;
    if (pending == NULL)
        return;
    recall->pending = NULL;
    redis_pending_cancel(pending);
}
