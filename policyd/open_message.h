/*
 * open_message.h - messages whose recipients are counted, and that have not
 * come to their end yet.
 *
 * One for each connection, since smtpd has one message at a time. Over without
 * its end (the next message, the connection's end, an hour) it gets back what
 * it was charged, and is unknown to the message memory from then on: should
 * smtpd ask about it again after all, all of it counts anew. So what is
 * accepted was counted, whatever was given back. Where Postfix is not known to
 * ask at a message's end (message_ends.h), or the memory has another opinion of
 * the message than this connection, because another one was asked as well, what
 * was charged stays.
 */
#ifndef TOLLGATE_POLICYD_OPEN_MESSAGE_H
#define TOLLGATE_POLICYD_OPEN_MESSAGE_H

#include "common/engine/receipts.h"
#include "policyd/message_memory.h"
#include "policyd/policy_request.h"

#include <sys/queue.h>

struct daemon;
struct open_messages;

#define OPEN_MESSAGE_MS       (60u * 60 * 1000)
#define OPEN_MESSAGE_PAUSE_MS (60u * 1000) /* after the end of a connection */
#define OPEN_RECEIPTS_MAX     20000        /* of all messages, about 5 MB */

/* In a session; zero while there is none. */
struct open_message {
    TAILQ_ENTRY(open_message) link; /* the oldest first */
    struct receipts receipts;
    uint64_t opened_ms;
    struct message_seen seen;             /* as this connection left it */
    char instance[MESSAGE_INSTANCE_SIZE]; /* "": none is open */
};

/* The memory is borrowed. */
struct open_messages *open_messages_new(
    struct daemon *, struct message_memory *);
void open_messages_free(struct open_messages **);
/* The message memory is in the store, too. */
void open_messages_share(struct open_messages *, bool is_shared);

/* A request has come over the connection of this message, before anything is
 * decided: another message, or none, means that this one is over. */
void open_message_on_request(struct open_messages *, struct open_message *,
    const struct policy_request *, uint64_t now_ms);
/* It has passed, with this decision unless it counts nothing; seen: as the
 * message is known now. True: the message is at its end. */
bool open_message_on_pass(struct open_messages *, struct open_message *,
    const struct policy_request *, const struct decision *, struct message_seen,
    uint64_t asked_ms);
/* It is over. */
void open_message_over(struct open_messages *, struct open_message *);
/* The connection has ended: the same, but where the memory is in the store a
 * little later. */
void open_message_on_close(
    struct open_messages *, struct open_message *, uint64_t now_ms);
/* As the daemon ends: what was charged stays. */
void open_message_drop(struct open_messages *, struct open_message *);

/* Those that are open for an hour are over, and those whose connection has
 * ended long enough ago. Some at a time: true if there may be more. The timer
 * calls it. */
bool open_messages_expire(struct open_messages *, uint64_t now_ms);

#endif
