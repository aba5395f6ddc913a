/*
 * policy_session.h - the policy face: Postfix's SMTP access policy protocol.
 *
 * One session per connection; smtpd keeps it open over many SMTP sessions,
 * so it is closed only by smtpd, by a malformed request, or at the very end.
 * Counts a message at its first request (RCPT, else DATA or END-OF-MESSAGE)
 * and each recipient once: RCPT one, DATA and END-OF-MESSAGE only those that
 * were not asked about at RCPT. What a message was charged that does not come
 * to its end is given back (open_message.h). Answers DUNNO or a refusal, never
 * OK.
 */
#ifndef TOLLGATE_POLICYD_POLICY_SESSION_H
#define TOLLGATE_POLICYD_POLICY_SESSION_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct anvil_sessions;
struct policy_sessions;

/* anvil: asked whether anvil's face saw the session too; may be NULL. */
struct policy_sessions *policy_sessions_new(
    struct daemon *, struct anvil_sessions *anvil);
void policy_sessions_free(struct policy_sessions **); /* closes all */

/* The message memory is then in the store (message_memory.h). */
void policy_sessions_share_messages(struct policy_sessions *, bool is_shared);
void policy_sessions_add(struct policy_sessions *, int fd);
/*
 * Closes those whose smtpd serves nobody at the moment, as far as the anvil
 * face knows; without it nobody can tell, and they stay until smtpd leaves.
 */
void policy_sessions_drain(struct policy_sessions *);
size_t policy_sessions_count(const struct policy_sessions *);

#endif
