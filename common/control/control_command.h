/*
 * control_command.h - the one table of commands, and what a handler may do.
 *
 * A row says all that is generic: name, right, arguments, help. So requests
 * are checked and rights are judged before a handler runs, and every change is
 * logged with who made it. Rows stand in commands_TOPIC.c, by topic; commands.c
 * lists the topics.
 */
#ifndef TOLLGATE_CONTROL_CONTROL_COMMAND_H
#define TOLLGATE_CONTROL_CONTROL_COMMAND_H

#include "common/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct certs;
struct control_call;
struct daemon;
struct event_base;

enum control_right {
    CONTROL_READ, /* whom the socket's mode lets in */
    /* The same, and dear: one call after the other (control_queue). */
    CONTROL_READ_ALONE,
    /* And in a process of its own (control_apart.h). */
    CONTROL_READ_APART,
    CONTROL_CHANGE, /* root, the daemon's uid, control_admins */
};

enum control_type {
    CONTROL_TEXT,   /* a JSON string, without NUL; not empty */
    CONTROL_NUMBER, /* a JSON integer, 0..2^31-1 */
    CONTROL_FLAG,   /* true or false */
    CONTROL_TEXTS,  /* an object whose values are all strings */
};

#define CONTROL_ARGUMENTS_MAX 6

struct control_argument {
    const char *name; /* NULL: no more */
    enum control_type type;
    bool is_required;
};

/* What commands work on; borrowed, outlives the control. */
struct control_host {
    struct daemon *daemon;
    struct certs *certs; /* NULL: this daemon has none (the milter) */
    unsigned faces;      /* of this daemon; bits: 1u << enum face */
};

struct control_command {
    const char *name; /* the words as typed: "config show" */
    enum control_right right;
    bool needs_certs; /* unknown to a daemon without */
    struct control_argument arguments[CONTROL_ARGUMENTS_MAX];
    /*
     * Ends the call now or later, with control_answer or control_refuse, once.
     * The arguments are as the row says, borrowed, and gone when it returns.
     */
    void (*run)(struct control_call *, const json_t *arguments);
    const char *help;
};

/* Ends with a row without name. */
extern const struct control_command commands_bans[];
extern const struct control_command commands_certs[];
extern const struct control_command commands_config[];
extern const struct control_command commands_counters[];
extern const struct control_command commands_daemon[];
extern const struct control_command commands_explain[];
extern const struct control_command commands_overrides[];
extern const struct control_command commands_peers[];
extern const struct control_command commands_report[];
extern const struct control_command commands_status[];
extern const struct control_command commands_top[];
extern const struct control_command commands_watch[];

/* NULL: there is none, or this host has not what it needs. */
const struct control_command *control_command_find(
    const struct control_host *, const char *name);

/* Borrowed; what the command works on. */
const struct control_host *control_call_host(const struct control_call *);

/* Who asks; -1: the kernel does not tell. */
long control_call_uid(const struct control_call *);

/* A JSON string of any bytes: those that are no UTF-8 are escaped. NULL: null.
 */
json_t *control_text(const char *text);

/*
 * A handler that waits for something (a store, a child) keeps its state here.
 * end is called exactly once when the call is over: right after the answer, or
 * earlier if the peer has gone or the daemon stops; then whatever would have
 * answered must be cancelled. It must not answer.
 */
void control_call_keep(
    struct control_call *, void *state, void (*end)(void *state));

/* `{"ok":true,"result":…}`; takes the reference. The call is over then. */
void control_answer(struct control_call *, json_t *result);

/* What a client can tell apart; "code" of a refusal. */
enum control_refusal {
    CONTROL_USAGE,     /* no request, or wrong arguments: "usage" */
    CONTROL_UNKNOWN,   /* this daemon does not know the command: "unknown" */
    CONTROL_DENIED,    /* no right: "denied" */
    CONTROL_NOT_FOUND, /* nothing of that name: "not-found" */
    CONTROL_FAILED,    /* tried in vain, or against a rule: "failed" */
    CONTROL_STORE,     /* the store is away: "store" */
};
/* `{"ok":false,"error":"…","code":"…"}`. The call is over then. */
void control_refuse(struct control_call *, enum control_refusal,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * A long answer, a little at a time: {"NAME":[item,...], and what rest says}.
 * The state is ended once, when the call is over. Descriptors of lists are
 * constants.
 */
struct control_list {
    const char *name;
    json_t *(*next)(void *state); /* NULL: no more */
    json_t *(*rest)(void *state); /* an object */
    void (*end)(void *state);
};
/* The call goes on until the list is through; then `end` is called. */
void control_answer_list(
    struct control_call *, const struct control_list *, void *state);

/*
 * A stream (watch): the call goes on after `{"ok":true,"result":…}`, and each
 * control_stream_send is a line of its own, as given. It ends when the peer
 * goes (keep's end). A peer that reads too slowly loses lines: false, and the
 * next line that it gets has "dropped": how many were lost before it.
 */
void control_stream_begin(struct control_call *, json_t *result);
bool control_stream_send(struct control_call *, json_t *object);
/* There may be lines: step sends a few when the loop has time for them, and
 * again until it returns false. */
void control_stream_wake(struct control_call *, bool (*step)(void *state));

#endif
