/*
 * explain_question.h - a made-up request, from what a person has typed.
 *
 * Pure. Owns the texts that its event borrows.
 */
#ifndef TOLLGATE_CONTROL_EXPLAIN_QUESTION_H
#define TOLLGATE_CONTROL_EXPLAIN_QUESTION_H

#include "common/config/config.h"

#include <jansson.h>

#define EXPLAIN_TEXT 320
#define EXPLAIN_ASKS (FACES * EVENT_KINDS)

struct explain_question {
    char service[EXPLAIN_TEXT], client[EXPLAIN_TEXT], sasl[EXPLAIN_TEXT];
    char sender[EXPLAIN_TEXT], recipient[EXPLAIN_TEXT], helo[EXPLAIN_TEXT];
    struct event event;   /* without face and amounts */
    unsigned faces;       /* asked about; bits: 1u << enum face; 0: all */
    enum event_kind kind; /* EVENT_KINDS: all that have limits */
    uint32_t amount;
};

/* values: an object of strings. */
bool explain_question_read(
    struct explain_question *, const json_t *values, struct error *err);

/* What is to be decided, one after the other; those of these faces only. */
struct explain_ask {
    enum face face;
    enum event_kind kind;
};
/* Writes what is to be decided; returns how many. */
size_t explain_question_asks(const struct explain_question *,
    const struct config *, unsigned faces, struct explain_ask[EXPLAIN_ASKS]);

/* The event of one of them. */
struct event explain_question_event(
    const struct explain_question *, const struct explain_ask *);

#endif
