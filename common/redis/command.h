/*
 * command.h - a command as Redis reads it (RESP arrays of bulk strings).
 *
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
#ifndef TOLLGATE_REDIS_COMMAND_H
#define TOLLGATE_REDIS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;

/* Any bytes in the arguments. False: no memory, and nothing is added. */
bool redis_command_add(struct evbuffer *, int argc, const char *const *argv,
    const size_t *argv_len);

#endif
