/*
 * reply.h - the line that a daemon has answered.
 *
 * Pure. Trusts nothing in it: a line that is no answer becomes a refusal that
 * says so.
 */
#ifndef TOLLGATE_CTL_REPLY_H
#define TOLLGATE_CTL_REPLY_H

#include <jansson.h>
#include <stdbool.h>

/* All borrowed from root, or constant; never NULL but for result. */
struct reply {
    char *line; /* as received; owned */
    json_t *root;
    bool is_ok;
    const char *daemon;
    const char *store;
    const char *error;
    const char *code;
    json_t *result; /* is_ok only */
};

/* Takes the line. */
void reply_parse(char *line, struct reply *reply_r);
void reply_clear(struct reply *);

/* Is it a refusal with that code? */
bool reply_has_code(const struct reply *, const char *code);
/* Is the store of the one that of the other? Never so in memory. */
bool reply_is_same_store(const struct reply *, const struct reply *);

#endif
