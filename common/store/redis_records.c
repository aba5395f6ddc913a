/*
 * redis_records.c - records in Redis: kept without an answer, and read for a
 * command that waits, a page at a time.
 *
 * A new one comes last; so a page begins where the one before has ended,
 * whatever is kept meanwhile.
 */
#include "common/store/redis_edicts_internal.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECORDS_AT_ONCE 32
#define HOUR_MS         3600000
/* What ends while it is being read is none of what is asked for. */
#define LIFE_MS     (UINT64_C(24) * HOUR_MS * STORE_RECORD_DAYS + 2 * HOUR_MS)
#define NUMBER_SIZE 24
#define NAME_SIZE   (STORE_ID_SIZE + NUMBER_SIZE + 200 + 2)

static struct control_word number_word(char text[NUMBER_SIZE], uint64_t number)
{
    int len = snprintf(text, NUMBER_SIZE, "%" PRIu64, number);

    return control_word(text, (size_t)len);
}

bool redis_record_keep(struct redis_edicts *edicts, uint64_t hour,
    const char *name, const char *text, size_t len)
{
    char id[STORE_ID_SIZE], record[NAME_SIZE];
    char life[NUMBER_SIZE], max[NUMBER_SIZE];
    struct redis_node *node = edicts_node(edicts);

    redis_store_id(edicts->store, id);
    int record_len = snprintf(
        record, sizeof record, "%" PRIu64 "|%s|%.200s", hour, id, name);
    const struct control_word words[] = {
        control_word("keep", 4),
        control_word(record, (size_t)record_len),
        number_word(life, LIFE_MS),
        control_word(text, len),
        number_word(max, STORE_RECORDS_MAX),
    };
    return node != NULL &&
           control_script_call(&edicts->script, redis_node_connection(node),
               NULL, false, words, sizeof words / sizeof words[0]);
}

/* Calls out: the last thing to do with it. */
static void finish(struct store_errand *errand, enum store_status status)
{
    struct store_record_request *request = errand->record;

    errand_free(errand);
    request->on_done(request, status);
}

static void ask_on(struct store_errand *errand)
{
    char over[NUMBER_SIZE], offset[NUMBER_SIZE], count[NUMBER_SIZE];
    const struct control_word words[] = {
        control_word("kept", 4),
        number_word(over, errand->record->since_hour * HOUR_MS + LIFE_MS),
        number_word(offset, errand->looked_at),
        number_word(count, RECORDS_AT_ONCE),
    };

    if (!errand_send(errand, words, sizeof words / sizeof words[0]))
        finish(errand, STORE_UNAVAILABLE);
}

static void on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_errand *errand = call->context;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        errand_complain(errand->edicts, reply);
        finish(errand, STORE_UNAVAILABLE);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING)
            errand->record->on_record(
                errand->record, reply->element[i]->str, reply->element[i]->len);
    errand->looked_at += reply->elements;
    if (reply->elements < RECORDS_AT_ONCE)
        finish(errand, STORE_OK);
    else
        ask_on(errand);
}

void redis_records_read(
    struct redis_edicts *edicts, struct store_record_request *request)
{
    struct store_errand *errand = errand_new(edicts, on_reply);

    errand->record = request;
    request->errand = errand;
    ask_on(errand);
}

void redis_records_cancel(
    struct redis_edicts *edicts, struct store_record_request *request)
{
    if (request->errand != NULL)
        errand_free(request->errand);
}
