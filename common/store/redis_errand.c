/*
 * redis_errand.c - writes an edict, or reads the boards, for a command that
 * waits.
 *
 * Rare, so each takes the script along. An errand that has no answer after a
 * second is over, and whether it was done is not known: a write is about one
 * key and says all of it, so whoever repeats it does no harm.
 */
#include "common/store/redis_edicts_internal.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/store/edict_text.h"
#include "common/store/memory_edicts.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOARDS_AT_ONCE 8
#define BOARD_LIFE_MS  "20000"

struct store_errand *errand_new(struct redis_edicts *edicts,
    void (*on_reply)(struct redis_call *, const redisReply *))
{
    struct store_errand *errand = xcalloc(1, sizeof *errand);
    errand->edicts = edicts;
    errand->call = (struct redis_call){
        .on_reply = on_reply, .context = errand, .timeout_ms = ERRAND_LIMIT_MS};
    TAILQ_INSERT_TAIL(&edicts->errands, errand, link);
    return errand;
}

void errand_free(struct store_errand *errand)
{
    struct redis_edicts *edicts = errand->edicts;
    redis_connection_cancel(&errand->call);
    TAILQ_REMOVE(&edicts->errands, errand, link);
    if (errand->edict != NULL)
        errand->edict->errand = NULL;
    if (errand->board != NULL)
        errand->board->errand = NULL;
    if (errand->record != NULL)
        errand->record->errand = NULL;
    free(errand->daemons);
    free(errand);
}

bool errand_send(
    struct store_errand *errand, const struct control_word *words, size_t count)
{
    struct redis_node *node = edicts_node(errand->edicts);
    return node != NULL &&
           control_script_call(&errand->edicts->script,
               redis_node_connection(node), &errand->call, false, words, count);
}

void errand_complain(struct redis_edicts *edicts, const redisReply *reply)
{
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        edicts_complain(edicts, reply);
    else
        redis_store_complain(edicts->store, "an unexpected reply");
}

/* Calls out: the last thing to do with it. */
static void finish_edict(
    struct store_errand *errand, enum store_edict_result result)
{
    struct store_edict_request *request = errand->edict;
    errand_free(errand);
    request->on_done(request, result);
}

static void edict_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_errand *errand = call->context;
    struct redis_edicts *edicts = errand->edicts;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        errand_complain(edicts, reply);
        finish_edict(errand, STORE_EDICT_UNAVAILABLE);
        return;
    }
    if (reply->integer == 0) {
        finish_edict(errand,
            errand->edict->life_ms == 0 ? STORE_EDICT_NONE : STORE_EDICT_FULL);
        return;
    }
    if (reply->integer == 2) {
        finish_edict(errand, STORE_EDICT_KEPT);
        return;
    }
    /* Others hear of it by their polls; whoever asked may look at once. */
    struct edict edict = errand->edict->edict;
    edict.set_ms = clock_wall_ms();
    if (errand->edict->life_ms == 0)
        edicts_note_lifted(edicts, &edict);
    else
        (void)edict_table_remove(edicts->lifted, edict.kind, edict.key);
    memory_edicts_apply(
        *edicts->table, errand->edict, clock_monotonic_ms(), clock_wall_ms());
    finish_edict(errand, STORE_EDICT_DONE);
}

void redis_edicts_write(
    struct redis_edicts *edicts, struct store_edict_request *request)
{
    char id[EDICT_ID_SIZE], text[EDICT_TEXT_SIZE], life[CURSOR_SIZE];
    char max[CURSOR_SIZE];
    const char *automatic = request->edict.is_automatic ? "1" : "0";
    struct store_errand *errand = errand_new(edicts, edict_on_reply);
    size_t id_len = edict_write_id(&request->edict, id);
    size_t text_len = edict_write_text(&request->edict, text);
    (void)snprintf(life, sizeof life, "%" PRIu64, request->life_ms);
    (void)snprintf(max, sizeof max, "%d", EDICTS_MAX);
    const struct control_word words[] = {
        request->life_ms == 0 ? control_word("lift", 4)
                              : control_word("set", 3),
        control_word(id, id_len),
        control_word(life, strlen(life)),
        control_word(text, text_len),
        control_word(max, strlen(max)),
        control_word(automatic, 1),
        control_word(request->keeps_as_long ? "1" : "0", 1),
    };
    errand->edict = request;
    request->errand = errand;
    if (!errand_send(errand, words, sizeof words / sizeof words[0]))
        finish_edict(errand, STORE_EDICT_UNAVAILABLE);
}

void redis_edicts_cancel(
    struct redis_edicts *edicts, struct store_edict_request *request)
{
    if (request->errand != NULL)
        errand_free(request->errand);
}

void redis_boards_show(
    struct redis_edicts *edicts, const char *text, size_t len)
{
    char id[STORE_ID_SIZE];
    redis_store_id(edicts->store, id);
    const struct control_word words[] = {
        control_word("show", 4),
        control_word(id, sizeof id - 1),
        control_word(BOARD_LIFE_MS, sizeof BOARD_LIFE_MS - 1),
        control_word(text, len),
    };
    struct redis_node *node = edicts_node(edicts);
    if (node != NULL)
        (void)control_script_call(&edicts->script, redis_node_connection(node),
            NULL, false, words, sizeof words / sizeof words[0]);
}

/* Calls out: the last thing to do with it. */
static void finish_boards(struct store_errand *errand, enum store_status status)
{
    struct store_board_request *request = errand->board;
    errand_free(errand);
    request->on_done(request, status);
}

/* The next few boards, or the end. */
static void look_on(struct store_errand *errand)
{
    struct control_word words[1 + BOARDS_AT_ONCE] = {control_word("look", 4)};
    size_t count = 1;
    while (count <= BOARDS_AT_ONCE && errand->looked_at < errand->daemon_count)
        words[count++] = control_word(
            errand->daemons[errand->looked_at++], STORE_ID_SIZE - 1);
    if (count == 1)
        finish_boards(errand, STORE_OK);
    else if (!errand_send(errand, words, count))
        finish_boards(errand, STORE_UNAVAILABLE);
}

static void boards_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_errand *errand = call->context;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        errand_complain(errand->edicts, reply);
        finish_boards(errand, STORE_UNAVAILABLE);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING)
            errand->board->on_board(
                errand->board, reply->element[i]->str, reply->element[i]->len);
    look_on(errand);
}

static void daemons_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct store_errand *errand = call->context;
    char own[STORE_ID_SIZE];
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        errand_complain(errand->edicts, reply);
        finish_boards(errand, STORE_UNAVAILABLE);
        return;
    }
    redis_store_id(errand->edicts->store, own);
    errand->daemons = xcalloc(DAEMONS_MAX, sizeof *errand->daemons);
    for (size_t i = 0;
         i < reply->elements && errand->daemon_count < DAEMONS_MAX; i++) {
        const redisReply *id = reply->element[i];
        if (id->type == REDIS_REPLY_STRING && id->len == STORE_ID_SIZE - 1 &&
            memcmp(id->str, own, id->len) != 0)
            memcpy(errand->daemons[errand->daemon_count++], id->str, id->len);
    }
    errand->call.on_reply = boards_on_reply;
    look_on(errand);
}

void redis_boards_read(
    struct redis_edicts *edicts, struct store_board_request *request)
{
    struct store_errand *errand = errand_new(edicts, daemons_on_reply);
    char max[CURSOR_SIZE];
    (void)snprintf(max, sizeof max, "%d", DAEMONS_MAX);
    const struct control_word words[] = {
        control_word("daemons", 7), control_word(max, strlen(max))};
    errand->board = request;
    request->errand = errand;
    if (!errand_send(errand, words, sizeof words / sizeof words[0]))
        finish_boards(errand, STORE_UNAVAILABLE);
}

void redis_boards_cancel(
    struct redis_edicts *edicts, struct store_board_request *request)
{
    if (request->errand != NULL)
        errand_free(request->errand);
}
