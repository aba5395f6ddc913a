/*
 * sni_session.h - the SNI face: a socketmap that Postfix asks for the key and
 * certificates of a name, once per handshake.
 *
 * Answers at once, from memory; NOTFOUND whenever there is a doubt, never
 * TEMP, because that would fail the handshake where the default certificate
 * would do. Only Postfix's user and root are answered: an answer holds a
 * private key. Nothing of an answer is ever logged.
 */
#ifndef TOLLGATE_POLICYD_SNI_SESSION_H
#define TOLLGATE_POLICYD_SNI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct certs;
struct evbuffer;
struct event_base;
struct sni_sessions;

/* Borrows certs. on_rest: a session has ended or become idle; drain comes
 * later, because no session is freed under its caller. */
struct sni_sessions *sni_sessions_new(struct event_base *, struct certs *,
    void (*on_rest)(void *context), void *context);
void sni_sessions_free(struct sni_sessions **); /* closes all */

/* Besides root; (uid_t)-1: nobody. */
void sni_sessions_allow(struct sni_sessions *, uid_t postfix);
void sni_sessions_add(struct sni_sessions *, int fd);

/* Postfix asks again over a new connection if its own was closed while idle:
 * to the successor then. */
void sni_sessions_drain(struct sni_sessions *);
size_t sni_sessions_count(const struct sni_sessions *);

/* Appends its lines of /metrics. */
void sni_sessions_write_metrics(const struct sni_sessions *, struct evbuffer *);

#endif
