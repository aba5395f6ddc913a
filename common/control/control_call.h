/*
 * control_call.h - one command under way, from its line to its answer.
 *
 * Between the connection, which moves bytes, and the handlers: parses, finds
 * the row, judges rights, runs, logs each change. Knows no socket, so tests
 * and fuzzers call it with a line and look at what comes out.
 */
#ifndef TOLLGATE_CONTROL_CONTROL_CALL_H
#define TOLLGATE_CONTROL_CONTROL_CALL_H

#include "common/control/control_command.h"
#include "common/control/control_rights.h"

#include <stdint.h>

struct control_sink {
    /* A line for the peer, without its newline. */
    void (*write)(void *context, const char *line, size_t len);
    /* Room for a line of a stream? */
    bool (*has_room)(void *context);
    /* The call is over and may begin again. */
    void (*on_over)(void *context);
    void *context;
};

/* Embedded in a connection; zero it, then set host to sink once. */
struct control_call {
    const struct control_host *host;
    const struct control_rights *rights;
    const struct control_peer *peer; /* NULL: not known, may only read */
    struct control_sink sink;

    bool is_open, is_stream;
    const struct control_command *command;
    char *arguments;  /* as JSON, of a change: for the log */
    uint64_t dropped; /* lines of a stream since the last that was sent */
    void *state;
    void (*end)(void *state);
};

/* A line without its newline. Perhaps over already when it returns. */
void control_call_begin(struct control_call *, const char *line, size_t len);
/* A refusal of what is no line at all. The call must not be open. */
void control_call_complain(struct control_call *, const char *text);
/* The peer has gone. Does nothing if no call is open. */
void control_call_cancel(struct control_call *);

#endif
