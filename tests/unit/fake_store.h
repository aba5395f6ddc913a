/*
 * fake_store.h - a store that a test scripts: it stands in for store.c at
 * link time, keeps what it was asked, and answers when it is told to.
 */
#ifndef TOLLGATE_TESTS_FAKE_STORE_H
#define TOLLGATE_TESTS_FAKE_STORE_H

#include "common/store/store.h"

struct fake_store {
    bool answers_later;       /* else from within store_charge */
    enum store_status status; /* of the next answers */
    bool refuses[STORE_CHARGES_MAX];
    bool unknown[STORE_CHARGES_MAX]; /* with STORE_PARTLY */
    bool is_full_here;               /* store_charge_local refuses all */
    uint32_t used[STORE_CHARGES_MAX];
    int64_t retry_ms[STORE_CHARGES_MAX];
    uint32_t times; /* "used" of what escalate counts, which passes */
    uint32_t instances;
    uint32_t serving; /* of each face */

    struct store_request *waiting; /* answers_later: the last request */
    uint64_t wait_ms; /* of store_tell: another daemon has told, 0: none has */
    char told_key[64];
    unsigned tells;
    unsigned charges_asked, looks, local_asked, cancelled;
    struct charge asked[STORE_CHARGES_MAX];     /* as the engine wrote them */
    struct subject subjects[STORE_CHARGES_MAX]; /* of these: copies */
    size_t asked_count;
    char released[256];            /* "subject/name " of each store_release */
    struct edict_table *edicts;    /* made when they are asked for first */
    bool edicts_fail, edicts_wait; /* else written as memory: does */
    struct store_edict_request *order; /* edicts_wait: the last one */
    unsigned edicts_asked;
};

extern struct fake_store fake_store;

void fake_store_reset(void);
/* Writes the edict that waits. */
void fake_store_write(void);
/* Answers the waiting request. */
void fake_store_answer(void);

#endif
