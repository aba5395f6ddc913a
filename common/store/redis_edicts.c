/*
 * redis_edicts.c - hears of bans and overrides, and writes them.
 *
 * A poll asks for what is new since the cursor. Where the reply says that all
 * that was read before is void, its pages go into a table of their own, which
 * takes the old one's place when the last of them is there: no ban is lifted
 * for the time of the reading. Whatever fails here is tried again half a
 * second later, and never opens the breaker: no decision waits for it.
 */
#include "common/store/redis_edicts_internal.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/edict_text.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_EVERY_MS 400
#define PAGE_HEAD     5 /* cursor, is it void, is there more, birth, its age */
#define PAGE_FIELDS   4 /* id, ms left, ms since it was set, text */
#define PAGE_EDICTS   "100"

static void set_cursor(struct redis_edicts *edicts, const char *cursor)
{
    (void)snprintf(edicts->cursor, sizeof edicts->cursor, "%s", cursor);
}

static void begin_anew(struct redis_edicts *edicts)
{
    edict_table_free(&edicts->coming);
    set_cursor(edicts, "0");
}

struct redis_node *edicts_node(const struct redis_edicts *edicts)
{
    return redis_store_route_key(edicts->store, edicts->script.keys[0]);
}

/* Another server, or another connection to it: nothing of the old one counts.
 */
static void meet(struct redis_edicts *edicts, const struct redis_node *node)
{
    if (edicts->node == node && edicts->connects == node->connects)
        return;
    edicts->node = node;
    edicts->connects = node->connects;
    edicts->is_script_known = false;
    begin_anew(edicts);
}

void redis_edicts_poll(struct redis_edicts *edicts)
{
    struct redis_node *node = edicts_node(edicts);
    if (edicts->poll.slot != NULL || node == NULL)
        return;
    meet(edicts, node);
    const char *birth =
        edicts->coming != NULL ? edicts->coming_birth : edicts->birth;
    const struct control_word words[] = {
        control_word("read", 4),
        control_word(edicts->cursor, strlen(edicts->cursor)),
        control_word(PAGE_EDICTS, sizeof PAGE_EDICTS - 1),
        control_word(birth, strlen(birth)),
    };
    edicts->asked_ms = clock_monotonic_ms();
    (void)control_script_call(&edicts->script, redis_node_connection(node),
        &edicts->poll, edicts->is_script_known, words,
        sizeof words / sizeof words[0]);
}

static bool is_cursor(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING && reply->len > 0 &&
           reply->len < CURSOR_SIZE &&
           strspn(reply->str, "0123456789") == reply->len;
}

static bool is_page(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < PAGE_HEAD ||
        (reply->elements - PAGE_HEAD) % PAGE_FIELDS != 0 ||
        !is_cursor(reply->element[0]) || !is_cursor(reply->element[3]))
        return false;
    for (size_t i = 1; i < reply->elements; i++) {
        size_t field = i == 3          ? 0
                       : i < PAGE_HEAD ? 1
                                       : (i - PAGE_HEAD) % PAGE_FIELDS;
        bool is_text = field == 0 || field == 3;
        if (reply->element[i]->type !=
            (is_text ? REDIS_REPLY_STRING : REDIS_REPLY_INTEGER))
            return false;
    }
    return true;
}

/* One entry of a page; false: of another version, no edict, or one more than
 * our own script lets in: what a server sends is not all kept. */
static bool take_edict(struct redis_edicts *edicts, struct edict_table *table,
    redisReply *const *fields)
{
    struct edict edict = {.kind = EDICT_BAN};
    if (!edict_read_id(&edict, fields[0]->str, fields[0]->len))
        return false;
    edict.set_ms = clock_wall_ms() - (uint64_t)fields[2]->integer;
    if (fields[3]->len == 0) {
        edicts_note_lifted(edicts, &edict);
        (void)edict_table_remove(table, edict.kind, edict.key);
        return true;
    }
    if (!edict_read_text(&edict, fields[3]->str, fields[3]->len) ||
        !edict_table_make_room(table, &edict))
        return false;
    edict.until_ms = edicts->asked_ms + (uint64_t)fields[1]->integer;
    /* Of a reading anew it is not known yet which is the newer. */
    if (edicts->coming == NULL)
        (void)edict_table_remove(edicts->lifted, edict.kind, edict.key);
    edict_table_put(table, &edict);
    return true;
}

static void take_page(struct redis_edicts *edicts, const redisReply *reply)
{
    bool is_more = reply->element[2]->integer != 0;
    if (reply->element[1]->integer != 0) {
        edict_table_free(&edicts->coming);
        edicts->coming = edict_table_new();
        (void)snprintf(
            edicts->coming_birth, CURSOR_SIZE, "%s", reply->element[3]->str);
        edicts->coming_age_ms = (uint64_t)reply->element[4]->integer;
    }
    struct edict_table *table =
        edicts->coming != NULL ? edicts->coming : *edicts->table;
    for (size_t i = PAGE_HEAD; i < reply->elements; i += PAGE_FIELDS)
        if (!take_edict(edicts, table, reply->element + i))
            redis_store_complain(edicts->store,
                "a ban or an override that is malformed, or one too many");
    set_cursor(edicts, reply->element[0]->str);
    if (is_more) {
        redis_edicts_poll(edicts);
        return;
    }
    if (edicts->coming != NULL)
        edicts_take_coming(edicts);
    else
        edicts->version = strtoull(edicts->cursor, NULL, 10);
}

/* There is none at all, and no birth. */
static void take_nothing(struct redis_edicts *edicts)
{
    edict_table_free(&edicts->coming);
    edicts->coming = edict_table_new();
    (void)snprintf(edicts->coming_birth, CURSOR_SIZE, "0");
    edicts_take_coming(edicts);
}

void edicts_complain(struct redis_edicts *edicts, const redisReply *reply)
{
    char said[120], text[160];
    bool is_ask;
    /* A slot that has moved is found again at the next poll. */
    if (edicts->node != NULL && edicts->node == edicts_node(edicts) &&
        redis_store_redirect(edicts->store, edicts->node, reply, &is_ask) !=
            NULL)
        return;
    log_escape(said, sizeof said, reply->str, reply->len);
    (void)snprintf(text, sizeof text, "bans and overrides: %s", said);
    redis_store_complain(edicts->store, text);
}

static void take_error(struct redis_edicts *edicts, const redisReply *reply)
{
    if (script_error_of(reply->str) == SCRIPT_ERROR_MISSING &&
        edicts->is_script_known) {
        edicts->is_script_known = false;
        redis_edicts_poll(edicts);
        return;
    }
    edicts_complain(edicts, reply);
}

static void poll_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_edicts *edicts = call->context;
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        take_error(edicts, reply);
        return;
    }
    edicts->is_script_known = true;
    if (is_cursor(reply)) {
        if (strcmp(edicts->cursor, "0") == 0)
            take_nothing(edicts);
        return;
    }
    if (is_page(reply))
        take_page(edicts, reply);
    else
        redis_store_complain(
            edicts->store, "an unexpected reply about bans and overrides");
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct redis_edicts *edicts = context;
    edict_table_expire(*edicts->table, clock_monotonic_ms());
    edict_table_expire(edicts->lifted, clock_monotonic_ms());
    edicts_restore(edicts);
    redis_edicts_poll(edicts);
}

struct redis_edicts *redis_edicts_new(struct redis_store *store,
    struct event_base *base, struct edict_table **table)
{
    static const struct timeval every = {.tv_usec = POLL_EVERY_MS * 1000};
    struct redis_edicts *edicts = xcalloc(1, sizeof *edicts);
    edicts->store = store;
    edicts->table = table;
    edicts->poll = (struct redis_call){.on_reply = poll_on_reply,
        .context = edicts,
        .timeout_ms = ERRAND_LIMIT_MS};
    control_script_init(&edicts->script, &store->holder);
    begin_anew(edicts);
    (void)snprintf(edicts->birth, CURSOR_SIZE, "0");
    edicts->lifted = edict_table_new();
    TAILQ_INIT(&edicts->errands);
    edicts->tick = event_new(base, -1, EV_PERSIST, on_tick, edicts);
    if (edicts->tick == NULL || event_add(edicts->tick, &every) == -1)
        abort();
    return edicts;
}

void redis_edicts_free(struct redis_edicts **edicts_p)
{
    struct redis_edicts *edicts = *edicts_p;
    struct store_errand *errand;
    if (edicts == NULL)
        return;
    redis_connection_cancel(&edicts->poll);
    while ((errand = TAILQ_FIRST(&edicts->errands)) != NULL)
        errand_free(errand);
    edicts_restore_clear(edicts);
    edict_table_free(&edicts->coming);
    edict_table_free(&edicts->lifted);
    event_free(edicts->tick);
    free(edicts);
    *edicts_p = NULL;
}
