/*
 * context.h - what is known of one SMTP session and of its message, and what
 * each step counts.
 *
 * Pure, and free of libmilter. A session is used by one callback at a time,
 * on whatever thread. Small, because there are thousands of idle ones.
 *
 * A recipient counts when it is named, a message with its first recipient that
 * Postfix accepts. A message that comes to its end without such a recipient
 * (Postfix 3.7 lets DATA through after a message was refused at its end) counts
 * there, with one recipient. MAIL alone counts nothing.
 */
#ifndef TOLLGATE_MILTER_CONTEXT_H
#define TOLLGATE_MILTER_CONTEXT_H

#include "common/core/event.h"

#include <stddef.h>
#include <sys/socket.h>

struct context;

/* Nothing is known of the session. */
struct context *context_new(void);
void context_free(struct context **);

/*
 * The session: address is what came with CONNECT (NULL: none that we know),
 * the texts are macros' values, or NULL.
 */
struct context_peer {
    const struct sockaddr *address;
    const char *client_addr;               /* used where address says nothing */
    const char *daemon_name;               /* names the listener */
    const char *daemon_addr, *daemon_port; /* a PROXY header's destination */
};
/* The session begins: all texts are copied. */
void context_connect(struct context *, const struct context_peer *);
/* HELO or EHLO; the last one counts. */
void context_helo(struct context *, const char *helo);

/*
 * A message begins: nothing of the last one is left. sender: the argument of
 * MAIL; mail_addr: what Postfix has made of it, which is kept in its place, or
 * NULL. "<>" is the null sender whatever the macro says.
 */
void context_mail(struct context *, const char *sender, const char *mail_addr,
    const char *sasl_username);
/* recipient, rcpt_addr: likewise. queue_id: as far as Postfix has given one;
 * only believed once this message has a recipient, because libmilter may still
 * know the last message's. */
void context_rcpt(struct context *, const char *recipient,
    const char *rcpt_addr, const char *queue_id);
/* Content that came: capped, never wrong by an overflow. */
void context_content(struct context *, size_t bytes);
void context_end(struct context *, const char *queue_id);
/* No message is under way. */
void context_reset(struct context *);

/* A step that is to be judged. */
enum context_step {
    CONTEXT_CONNECT,
    CONTEXT_RCPT,
    CONTEXT_RCPT_REJECTED, /* Postfix has refused it by itself */
    CONTEXT_END,
};

/* The step as an event; its texts live as long as the context is unchanged. */
void context_event(
    const struct context *, enum context_step, struct event *event_r);
/* The event has passed. */
void context_passed(struct context *, const struct event *);
/* The message under way was counted. */
bool context_is_counted(const struct context *);

/* After too many rejected recipients, the next valid one is asked about. */
void context_set_harvesting(struct context *, bool is_harvesting);
bool context_is_harvesting(const struct context *);

#define CONTEXT_HEADER_SIZE 512
/* "service=25 client=198.51.100.7 recipients=2": a line for later filters. */
void context_header(const struct context *, char text[CONTEXT_HEADER_SIZE]);

#endif
