/*
 * redis_note.c - notes: GET and SET with an hour of life.
 *
 * A note that cannot be written or read is not an error to anybody: what it
 * was to remember is counted once more at the worst.
 */
#include "common/store/redis_store_internal.h"

#include <hiredis/hiredis.h>
#include <string.h>

#define NOTE_LIFE_MS "3600000"

void redis_store_note_write(
    struct redis_store *store, const char *key, const char *value)
{
    char full_key[SCRIPT_KEY_SIZE];
    if (!redis_store_is_open_for_use(store))
        return;
    size_t key_len = script_note_key(&store->holder, key, full_key);
    const char *argv[] = {"SET", full_key, value, "PX", NOTE_LIFE_MS};
    const size_t lens[] = {3, key_len, strnlen(value, STORE_NOTE_SIZE - 1), 2,
        sizeof NOTE_LIFE_MS - 1};
    (void)redis_connection_call(store->connection, NULL, 5, argv, lens);
}

/* Calls out: the last thing to do with it. */
static void pending_finish_recall(
    struct store_pending *pending, enum store_status status)
{
    struct store_recall *recall = pending->recall;
    redis_pending_free(pending);
    recall->pending = NULL;
    recall->on_done(recall, status);
}

static void recall_on_error(
    struct store_pending *pending, const redisReply *reply)
{
    if (redis_store_take_error(pending->store, reply) != TROUBLE_ALL)
        pending_finish_recall(pending, STORE_UNAVAILABLE);
}

static void recall_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_pending *pending = call->context;
    char *value = pending->recall->value;
    if (reply == NULL) {
        redis_store_fail(pending->store, "no answer within store_timeout");
        return;
    }
    pending->store->round_trips++;
    if (reply->type == REDIS_REPLY_ERROR) {
        recall_on_error(pending, reply);
        return;
    }
    if (reply->type == REDIS_REPLY_STRING && reply->len < STORE_NOTE_SIZE) {
        memcpy(value, reply->str, reply->len);
        value[reply->len] = '\0';
    }
    pending_finish_recall(pending, STORE_OK);
}

void redis_store_note_read(
    struct redis_store *store, const char *key, struct store_recall *recall)
{
    char full_key[SCRIPT_KEY_SIZE];
    struct store_pending *pending = redis_pending_new(store);
    recall->value[0] = '\0';
    if (pending == NULL) {
        recall->on_done(recall, STORE_UNAVAILABLE);
        return;
    }
    pending->call.on_reply = recall_on_reply;
    pending->finish = pending_finish_recall;
    pending->recall = recall;
    recall->pending = pending;
    const char *argv[] = {"GET", full_key};
    const size_t lens[] = {3, script_note_key(&store->holder, key, full_key)};
    if (!redis_connection_call(
            store->connection, &pending->call, 2, argv, lens))
        pending_finish_recall(pending, STORE_UNAVAILABLE);
}

void redis_store_recall_cancel(
    struct redis_store *store, struct store_recall *recall)
{
    struct store_pending *pending = recall->pending;
    if (pending == NULL)
        return;
    recall->pending = NULL;
    redis_connection_cancel(store->connection, &pending->call);
    redis_pending_free(pending);
}
