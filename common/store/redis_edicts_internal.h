/*
 * redis_edicts_internal.h - what redis_edicts.c (hears of edicts),
 * redis_restore.c (tells what the server has lost) and redis_errand.c
 * and redis_records.c (go for a person who waits) share.
 */
#ifndef TOLLGATE_STORE_REDIS_EDICTS_INTERNAL_H
#define TOLLGATE_STORE_REDIS_EDICTS_INTERNAL_H

#include "common/store/control_script.h"
#include "common/store/redis_edicts.h"
#include "common/store/redis_store_internal.h"
#include "common/store/store_inspect.h"

#define CURSOR_SIZE     24
#define DAEMONS_MAX     200 /* whose boards are looked at */
#define ERRAND_LIMIT_MS 1000

/* Something that a command waits for: a write, or boards. */
struct store_errand {
    struct redis_call call;
    struct redis_edicts *edicts;
    TAILQ_ENTRY(store_errand) link;
    struct store_edict_request *edict; /* one of the three */
    struct store_board_request *board;
    struct store_record_request *record;
    char (*daemons)[STORE_ID_SIZE]; /* whose boards are to be read */
    size_t daemon_count, looked_at; /* records, too */
};

/* What is being written again. */
struct edict_restore {
    struct redis_call call;
    struct edict *edicts; /* until_ms 0: it was lifted; NULL: nothing is */
    size_t count, next;
    size_t asked;     /* of them, in the call that is under way */
    bool wants_birth; /* first of all a new one */
    uint64_t written; /* taken by the server */
};

struct redis_edicts {
    struct redis_store *store;
    struct control_script script;
    const struct redis_node *node; /* who was asked last; only compared */
    uint64_t connects;             /* on its so manieth connection */
    bool is_script_known;          /* by the server */
    struct redis_call poll;
    struct event *tick;
    uint64_t asked_ms; /* when the page that is awaited was */
    char cursor[CURSOR_SIZE];
    char birth[CURSOR_SIZE]; /* that of the table, as control.lua says; "0" */
    uint64_t version;        /* the newest of it that was heard of */
    struct edict_table **table; /* the facade's */
    struct edict_table *coming; /* NULL: no reading anew is under way */
    char coming_birth[CURSOR_SIZE];
    uint64_t coming_age_ms; /* of that birth */
    struct edict_table
        *lifted; /* set_ms: when; until_ms: the order's own end */
    struct edict_restore restore;
    TAILQ_HEAD(, store_errand) errands;
};

/* Who has them; NULL: nobody who can be used. */
struct redis_node *edicts_node(const struct redis_edicts *);
/* An error to be complained of; the slot may be elsewhere. */
void edicts_complain(struct redis_edicts *, const struct redisReply *);

/* It was lifted at edict's set_ms; before the table forgets it. */
void edicts_note_lifted(struct redis_edicts *, const struct edict *);
/*
 * All pages of a reading anew are there. Takes `coming` for the table; if the
 * server has lost something, with what is known here, which is then written
 * again.
 */
void edicts_take_coming(struct redis_edicts *);
/* Goes on with what could not be written. */
void edicts_restore(struct redis_edicts *);
void edicts_restore_clear(struct redis_edicts *);

/* On the list, without a request. */
struct store_errand *errand_new(struct redis_edicts *,
    void (*on_reply)(struct redis_call *, const struct redisReply *));
/* False: it cannot be sent now, and has no reply. */
bool errand_send(
    struct store_errand *, const struct control_word *words, size_t count);
/* Off the list; no answer. */
void errand_free(struct store_errand *);
/* A reply that is none: NULL, an error, or of another type. */
void errand_complain(struct redis_edicts *, const struct redisReply *);

#endif
