/*
 * fake_engine.h - what a face sees of the house, played from a script.
 *
 * Linked before libtollgate.a it stands in for the engine, the store's notes,
 * the daemon and, where the true one is not linked, anvil's activity. One of
 * each, so the state is one struct.
 */
#ifndef TOLLGATE_TESTS_FAKE_ENGINE_H
#define TOLLGATE_TESTS_FAKE_ENGINE_H

#include "common/engine/engine.h"

#include <sys/types.h>

struct event_base;

struct fake_engine {
    struct event_base *base;
    struct metrics metrics;

    /* The verdict that the next decisions get, at once or when asked for. */
    enum verdict_kind verdict;
    uint32_t count[EVENT_KINDS];          /* on it */
    const struct config_service *service; /* whose session it was; or NULL */
    bool is_async;
    struct decision *pending;
    struct event last; /* texts as they are now; the face owns them */
    unsigned decisions, cleared;

    struct config *config; /* in force; set on decisions */
    uint32_t charged;      /* units, on the bill of the next decisions; 0: no
                              limit applies */
    unsigned refunds, refunded; /* calls, units */

    bool judges_peers;
    struct peer peer; /* what a proof finds */
    unsigned proofs;
    int proven_fd;

    /* The store's notes: one key and its value, "" for none. */
    bool is_shared;
    enum store_status recall_status;
    bool is_recall_async;
    struct store_recall *recall;
    char note_key[80], note_value[STORE_NOTE_SIZE];
    unsigned recalls, recalls_cancelled, writes;

    unsigned sessions_ended; /* as the daemon was told */
    unsigned activities;
    pid_t activity;
    pid_t idle_smtpd; /* the one that serves nobody, as anvil knows */
};

extern struct fake_engine fake_engine;

void fake_engine_reset(struct event_base *);
void fake_engine_answer(void); /* the pending decision */
void fake_engine_recall(void); /* the pending recall */

#endif
