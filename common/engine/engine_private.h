/*
 * engine_private.h - what the engine_*.c files share.
 */
#ifndef TOLLGATE_ENGINE_ENGINE_PRIVATE_H
#define TOLLGATE_ENGINE_ENGINE_PRIVATE_H

#include "common/engine/engine.h"
#include "common/engine/gateway_watch.h"
#include "common/engine/names.h"
#include "common/engine/proof.h"

struct postfix_limits;

struct engine {
    struct store *store;   /* borrowed */
    struct config *config; /* the current snapshot; held */
    struct metrics metrics;
    struct proof proof;
    struct gateway_watch gateways;
    const struct postfix_limits *postfix_limits; /* borrowed; NULL: unknown */
    struct notices *notices;       /* borrowed; NULL: nobody is told */
    struct log_gather *log_gather; /* borrowed; NULL: each line is written */
    struct tops *tops;
    struct usages *usages; /* NULL: no configuration has had usage_report */
    struct decision_ring *ring;
    struct names services;       /* that have no section */
    struct newcomers *newcomers; /* NULL: no limit has such a key */
    struct penalties *penalties; /* NULL: no limit has had one */
    uint64_t newcomers_said_ms;  /* when it was logged last; 0: never */
};

#endif
