/*
 * script.h - calls store.lua as its top describes, one blocking call at a
 * time. An error ends the process: with 1 if the script is at fault, with 2
 * if there is nothing to be tried.
 */
#ifndef TOLLGATE_TESTS_SCRIPT_H
#define TOLLGATE_TESTS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define SCRIPT_LIMITS_MAX 64

struct script_limit {
    char kind; /* s f l, or S F L */
    char key[160];
    uint64_t limit, span, amount; /* the first three arguments */
    char last[24];                /* the fourth */
    size_t last_len;

    int64_t used, retry; /* the reply */
};

struct script;

struct script *script_new(const char *socket_path, const char *script_path);
/* Forgets all keys: a trial begins with nothing. */
void script_flush(struct script *);
void script_free(struct script **);

void script_call(
    struct script *, char mode, struct script_limit *, size_t count);
size_t script_strlen(struct script *, const char *key);

#endif
