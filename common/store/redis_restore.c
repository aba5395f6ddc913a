/*
 * redis_restore.c - tells a server what it has lost of bans and overrides.
 *
 * A restart without persistence, FLUSHALL, an eviction, or a master that knew
 * less than the last: the birth of the keys, or their newest version, shows it
 * (control.lua). What is known here stays in use and is written again, with
 * its age. What was lifted is told too, for some daemon may not have heard of
 * it. Who was away for longer than the others took to write believes them: he
 * may not know what they have lifted.
 */
#include "common/store/redis_edicts_internal.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/edict_text.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After a birth: those who were in touch are back. */
#define TOGETHER_MS  30000
#define LIFTED_LEFT  60000 /* ms: longer than TOGETHER_MS */
#define SAME_MS      500   /* as in control.lua */
#define BATCH_EDICTS 20
#define BATCH_WORDS  (2 + 4 * BATCH_EDICTS)

_Static_assert(BATCH_WORDS <= CONTROL_WORDS_MAX, "a call has room for a batch");

struct item_text {
    char id[EDICT_ID_SIZE], text[EDICT_TEXT_SIZE];
    char left[CURSOR_SIZE], age[CURSOR_SIZE];
};

void edicts_note_lifted(struct redis_edicts *edicts, const struct edict *edict)
{
    const struct edict *known =
        edict_table_find(*edicts->table, edict->kind, edict->key);
    if (known == NULL || !edict_table_make_room(edicts->lifted, known) ||
        known->set_ms > edict->set_ms + SAME_MS)
        return;
    struct edict lifted = *known;
    lifted.set_ms = edict->set_ms;
    edict_table_put(edicts->lifted, &lifted);
}

static bool is_none(const char *birth)
{
    return strcmp(birth, "0") == 0;
}

static bool has_lost(const struct redis_edicts *edicts, bool *wants_birth_r)
{
    bool is_same = strcmp(edicts->coming_birth, edicts->birth) == 0;
    uint64_t newest = strtoull(edicts->cursor, NULL, 10);
    *wants_birth_r =
        is_none(edicts->coming_birth) || (is_same && newest < edicts->version);
    return *wants_birth_r || (!is_same && !is_none(edicts->birth) &&
                                 edicts->coming_age_ms < TOGETHER_MS);
}

static void restore_add(
    struct edict_restore *restore, const struct edict *edict, bool is_lifted)
{
    struct edict *added = &restore->edicts[restore->count++];
    *added = *edict;
    if (is_lifted)
        added->until_ms = 0;
}

/* True: the server does not have it, or an older one. */
static bool keep_known(struct edict_table *coming, const struct edict *known)
{
    const struct edict *theirs =
        edict_table_find(coming, known->kind, known->key);
    if (known->until_ms <= clock_monotonic_ms() ||
        (theirs != NULL && known->set_ms <= theirs->set_ms + SAME_MS) ||
        !edict_table_make_room(coming, known))
        return false;
    edict_table_put(coming, known);
    return true;
}

static void lift_again(struct edict_table *coming, const struct edict *lifted)
{
    const struct edict *theirs =
        edict_table_find(coming, lifted->kind, lifted->key);
    if (theirs != NULL && theirs->set_ms < lifted->set_ms + SAME_MS)
        (void)edict_table_remove(coming, lifted->kind, lifted->key);
}

/* Puts into `coming` what is to be written again, and notes it. */
static void merge(struct redis_edicts *edicts)
{
    struct edict_restore *restore = &edicts->restore;
    const struct edict *edict;
    size_t count = 0;
    edicts_restore_clear(edicts);
    for (enum edict_kind kind = 0; kind < EDICT_KINDS; kind++)
        count += edict_table_count(*edicts->table, kind) +
                 edict_table_count(edicts->lifted, kind);
    if (count == 0)
        return;
    restore->edicts = xcalloc(count, sizeof *restore->edicts);
    for (enum edict_kind kind = 0; kind < EDICT_KINDS; kind++) {
        for (size_t i = 0;
             (edict = edict_table_at(*edicts->table, kind, i)) != NULL; i++)
            if (keep_known(edicts->coming, edict))
                restore_add(restore, edict, false);
        for (size_t i = 0;
             (edict = edict_table_at(edicts->lifted, kind, i)) != NULL; i++) {
            lift_again(edicts->coming, edict);
            restore_add(restore, edict, true);
        }
    }
}

/* What is there is in force, whatever was lifted before. */
static void believe(struct redis_edicts *edicts)
{
    const struct edict *edict;
    for (enum edict_kind kind = 0; kind < EDICT_KINDS; kind++)
        for (size_t i = 0;
             (edict = edict_table_at(edicts->coming, kind, i)) != NULL; i++)
            (void)edict_table_remove(edicts->lifted, kind, edict->key);
}

void edicts_take_coming(struct redis_edicts *edicts)
{
    bool wants_birth;
    bool is_lost = has_lost(edicts, &wants_birth);
    if (is_lost) {
        merge(edicts);
        edicts->restore.wants_birth = wants_birth;
    } else {
        believe(edicts);
    }
    edict_table_free(edicts->table);
    *edicts->table = edicts->coming;
    edicts->coming = NULL;
    memcpy(edicts->birth, edicts->coming_birth, CURSOR_SIZE);
    edicts->version = strtoull(edicts->cursor, NULL, 10);
    if (is_lost)
        edicts_restore(edicts);
}

static void restore_failed(struct redis_edicts *edicts, const redisReply *reply)
{
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        edicts_complain(edicts, reply);
    else
        redis_store_complain(edicts->store, "an unexpected reply");
}

static void begin_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_edicts *edicts = call->context;
    if (reply == NULL || reply->type != REDIS_REPLY_STRING ||
        reply->len >= CURSOR_SIZE) {
        restore_failed(edicts, reply);
        return;
    }
    (void)snprintf(edicts->birth, CURSOR_SIZE, "%s", reply->str);
    edicts->restore.wants_birth = false;
    edicts_restore(edicts);
}

static void batch_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_edicts *edicts = call->context;
    struct edict_restore *restore = &edicts->restore;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        restore_failed(edicts, reply);
        return;
    }
    restore->next += restore->asked;
    restore->written += (uint64_t)reply->integer;
    edicts_restore(edicts);
}

static size_t write_item(const struct edict *edict, struct item_text *text,
    struct control_word words[4])
{
    uint64_t now_ms = clock_monotonic_ms(), wall_ms = clock_wall_ms();
    bool is_lifted = edict->until_ms == 0;
    uint64_t left_ms = is_lifted                  ? LIFTED_LEFT
                       : edict->until_ms > now_ms ? edict->until_ms - now_ms
                                                  : 0;
    uint64_t age_ms = wall_ms > edict->set_ms ? wall_ms - edict->set_ms : 0;
    (void)snprintf(text->left, CURSOR_SIZE, "%" PRIu64, left_ms);
    (void)snprintf(text->age, CURSOR_SIZE, "%" PRIu64, age_ms);
    words[0] = control_word(text->id, edict_write_id(edict, text->id));
    words[1] = control_word(text->left, strlen(text->left));
    words[2] = control_word(text->age, strlen(text->age));
    words[3] = control_word(
        text->text, is_lifted ? 0 : edict_write_text(edict, text->text));
    return 4;
}

static void send_batch(struct redis_edicts *edicts, struct redis_node *node)
{
    struct edict_restore *restore = &edicts->restore;
    struct item_text texts[BATCH_EDICTS];
    struct control_word words[BATCH_WORDS] = {control_word("restore", 7)};
    char max[CURSOR_SIZE];
    size_t count = 2;
    (void)snprintf(max, sizeof max, "%d", EDICTS_MAX);
    words[1] = control_word(max, strlen(max));
    restore->asked = 0;
    while (restore->asked < BATCH_EDICTS &&
           restore->next + restore->asked < restore->count) {
        count += write_item(&restore->edicts[restore->next + restore->asked],
            &texts[restore->asked], words + count);
        restore->asked++;
    }
    restore->call.on_reply = batch_on_reply;
    (void)control_script_call(&edicts->script, redis_node_connection(node),
        &restore->call, false, words, count);
}

static void send_begin(struct redis_edicts *edicts, struct redis_node *node)
{
    const struct control_word words[] = {control_word("begin", 5),
        control_word(edicts->birth, strlen(edicts->birth))};
    edicts->restore.call.on_reply = begin_on_reply;
    (void)control_script_call(&edicts->script, redis_node_connection(node),
        &edicts->restore.call, false, words, 2);
}

void edicts_restore(struct redis_edicts *edicts)
{
    struct edict_restore *restore = &edicts->restore;
    struct redis_node *node = edicts_node(edicts);
    if (restore->edicts == NULL || restore->call.slot != NULL)
        return;
    if (restore->next >= restore->count) {
        if (restore->written > 0)
            log_warn("store %s had lost bans and overrides: %" PRIu64
                     " are written again",
                edicts->store->description, restore->written);
        edicts_restore_clear(edicts);
        return;
    }
    if (node == NULL)
        return;
    restore->call.context = edicts;
    restore->call.timeout_ms = ERRAND_LIMIT_MS;
    if (restore->wants_birth)
        send_begin(edicts, node);
    else
        send_batch(edicts, node);
}

void edicts_restore_clear(struct redis_edicts *edicts)
{
    redis_connection_cancel(&edicts->restore.call);
    free(edicts->restore.edicts);
    edicts->restore = (struct edict_restore){0};
}
