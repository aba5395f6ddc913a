/*
 * message_memory.h - which messages have been counted, and how many of their
 * recipients: one entry per policy `instance`, for one hour.
 *
 * Bounded: of more than 100,000 messages the oldest go. Kept over connections,
 * because smtpd may come back on another. Where inet listeners may spread one
 * smtpd's requests over several daemons the policy session keeps the same two
 * numbers in the store instead (store_note_read, store_note_write), in the text
 * form that message_seen_format gives.
 */
#ifndef TOLLGATE_POLICYD_MESSAGE_MEMORY_H
#define TOLLGATE_POLICYD_MESSAGE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_MEMORY_MAX 100000
/* With its NUL; a longer one is not kept. Postfix: pid, seconds, microseconds
 * and a number, in hex with dots between: 40 bytes at the most. */
#define MESSAGE_INSTANCE_SIZE 48

struct message_memory;

struct message_seen {
    bool is_counted;     /* as one message */
    bool is_ended;       /* at END-OF-MESSAGE, over another connection */
    uint32_t recipients; /* charged so far */
};

/* Empty. */
struct message_memory *message_memory_new(void);
void message_memory_free(struct message_memory **);

/* Of an instance, for the two verbs below. Asking a little before they are
 * called hides the time that memory takes. */
uint32_t message_memory_hash(
    const struct message_memory *, const char *instance);

/* now_ms: monotonic. An unknown instance: all zero. */
struct message_seen message_memory_find(struct message_memory *, uint32_t hash,
    const char *instance, uint64_t now_ms);
void message_memory_note(struct message_memory *, uint32_t hash,
    const char *instance, struct message_seen, uint64_t now_ms);

/* Do all three members agree? */
bool message_seen_is_same(struct message_seen, struct message_seen);

/* "1 17": counted, 17 recipients; "2 17": and ended. Parsing anything else
 * gives all zero. */
#define MESSAGE_SEEN_TEXT_SIZE 16
char *message_seen_format(
    struct message_seen, char text[MESSAGE_SEEN_TEXT_SIZE]);
struct message_seen message_seen_parse(const char *text);

#endif
