/*
 * anvil_session.h - the anvil face: anvil(8)'s own protocol, so that stock
 * Postfix enforces its smtpd_client_*_limit on our counters.
 *
 * One session per smtpd process; it holds at most one client at a time, whose
 * place is given back at disconnect or when the smtpd goes. Every request is
 * answered in Postfix's order of attributes, with numbers of at most
 * 2147483647 (a refusal: more overflows in Postfix, and passes).
 *
 * Source: Postfix 3.7 anvil(8), anvil_clnt(3); Debian 12 and 13 as tested.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_SESSION_H
#define TOLLGATE_POLICYD_ANVIL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct anvil_sessions;
struct daemon;
struct evbuffer;
struct policy_request;

/* The daemon is borrowed. */
struct anvil_sessions *anvil_sessions_new(struct daemon *);
void anvil_sessions_free(struct anvil_sessions **); /* logs statistics */

/* is_greeted: a helper has sent the greeting already (anvil_pass.h). */
void anvil_sessions_add(struct anvil_sessions *, int fd, bool is_greeted);
size_t anvil_sessions_count(const struct anvil_sessions *);
/*
 * Closes those that hold no client. The daemon asks again as the others'
 * clients leave (daemon_session_ended).
 */
void anvil_sessions_drain(struct anvil_sessions *);

/* Is the smtpd with this pid known to serve nobody at the moment? */
bool anvil_sessions_is_idle(const struct anvil_sessions *, pid_t smtpd);

/*
 * A RCPT policy request came from the smtpd with this pid, above 0. Warns once
 * per service if its anvil session never sent the `message` or `recipient`
 * event that a client_* limit counts: main.cf's own limit is then 0. Warns once
 * a minute if smtpd does not ask the anvil face any more (anvil_silence.h).
 */
void anvil_sessions_see_rcpt(struct anvil_sessions *, pid_t smtpd,
    const struct policy_request *, uint64_t now_ms);
/* That smtpd does not ask any more, as a sentence; NULL: it does, for all that
 * is known. The text lives until the next call. */
const char *anvil_sessions_silence(struct anvil_sessions *);
/* Two metrics of the silence, as text for /metrics. */
void anvil_sessions_write_metrics(
    const struct anvil_sessions *, struct evbuffer *out);

#endif
