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
#include <sys/queue.h>

struct control_sink {
    /* Bytes for the peer. */
    void (*write)(void *context, const char *bytes, size_t len);
    /* Room for a line of a stream? */
    bool (*has_room)(void *context);
    /* The call is over and may begin again. */
    void (*on_over)(void *context);
    /* A step can be done: control_call_step, from the loop. */
    void (*on_due)(void *context);
    void *context;
};

/* Who has to wait for the dear command of another. One for all readers and one
 * for those who may change things, who so wait for no reader. TAILQ_INIT first.
 */
struct control_queue {
    struct control_call *holder; /* NULL: nobody */
    TAILQ_HEAD(, control_call) waiting;
};

/* Embedded in a connection; zero it, then set host to queue once. */
struct control_call {
    const struct control_host *host;
    const struct control_rights *rights;
    const struct control_peer *peer; /* NULL: not known, may only read */
    struct control_sink sink;
    struct control_queue *queue;

    bool is_open, is_stream;
    bool is_due;  /* control_call_step has something to do */
    json_t *held; /* arguments of a command that waits in the queue */
    bool (*step)(void *state);
    TAILQ_ENTRY(control_call) link;
    const struct control_command *command;
    char *arguments;  /* as JSON, of a change: for the log */
    uint64_t dropped; /* lines of a stream since the last that was sent */
    void *state;
    void (*end)(void *state);
};

/* The next step of a command that takes several, if is_due. Perhaps over
 * when it returns. */
void control_call_step(struct control_call *);
/* For those who answer by steps: step returns false when nothing is to be done
 * until control_call_wake, or the call is over. It is due now. */
void control_call_step_by(struct control_call *, bool (*step)(void *state));
/* What every answer begins with. */
json_t *control_call_head(const struct control_call *);
/* The end of an answer, as bytes; the call is over then. */
void control_call_relay(struct control_call *, const char *bytes, size_t len);

/* A line without its newline. Perhaps over already when it returns. */
void control_call_begin(struct control_call *, const char *line, size_t len);
/* A refusal of what is no line at all. The call must not be open. */
void control_call_complain(struct control_call *, const char *text);
/* The peer has gone. Does nothing if no call is open. */
void control_call_cancel(struct control_call *);

#endif
