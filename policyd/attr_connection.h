/*
 * attr_connection.h - a connection on which Postfix sends plain attributes:
 * "name=value\n" lines and an empty line, one request at a time.
 *
 * The policy and the anvil protocol are both this. Hands each attribute on
 * as it lies in the buffer it was read into; answers within the same pass of
 * the loop (attr_batch.h).
 * Limits: 4 KiB a line, 64 KiB a request, 10 s from a request's first byte to
 * its last. What breaks them, a NUL byte, a line without '=', or bytes that
 * come before the answer to the last request, is one log line, an answer if the
 * session has one for it, and the end of this connection. A request that is
 * whole, of which an attribute cannot be used, is one log line and an answer.
 * An end without an answer is no refusal: smtpd tries anvil once more, waits
 * for two seconds, and goes on without a limit and without a proof.
 *
 * Source: Postfix, attr_print_plain(3), attr_scan_plain(3); one outstanding
 * request: SMTPD_POLICY_README.
 */
#ifndef TOLLGATE_POLICYD_ATTR_CONNECTION_H
#define TOLLGATE_POLICYD_ATTR_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ATTR_REQUEST_TIMEOUT_MS 10000
#define ATTR_ANSWER_MAX         640

struct attr_connection;
struct attr_batch;

struct attr_events {
    const char *face;            /* for the log: "policy", "anvil" */
    unsigned request_timeout_ms; /* 0: ATTR_REQUEST_TIMEOUT_MS */
    /* Slices of the buffer, valid during the call, not NUL-terminated, free
     * of NUL and newline. NULL, or why the request cannot be used. */
    const char *(*on_attribute)(void *session, const char *name,
        size_t name_len, const char *value, size_t value_len);
    /* The empty line has come: on_request follows, when the others who ask in
     * the same moment have been read too. Time to fetch memory, and to note
     * what others may ask for meanwhile; may be NULL. */
    void (*on_read)(void *session);
    /* The request is whole. Answer once with attr_connection_reply, now or
     * later. NULL, or why the request cannot be used. */
    const char *(*on_request)(void *session);
    /* The request is malformed, which has been logged; perhaps before its end,
     * perhaps while the last one is being decided. Forget both, and answer in
     * this call. Without an answer the connection closes. */
    void (*on_malformed)(void *session);
    /* The peer left, or was closed as malformed. Last call; the connection has
     * been freed. */
    void (*on_close)(void *session);
};

/*
 * Takes over fd (non-blocking). batch and events outlive the connection. The
 * peer's pid is 0 where the kernel does not tell (inet, another PID namespace).
 * NULL, with fd closed and logged, if the loop cannot watch it.
 */
struct attr_connection *attr_connection_new(
    struct attr_batch *, int fd, const struct attr_events *, void *session);
/* Closes without on_close; an answer that was given is still sent. Allowed in
 * on_request and on anything later, not in on_attribute and on_read. */
void attr_connection_free(struct attr_connection **);

/* Before the first request. */
void attr_connection_greet(struct attr_connection *, const char *, size_t len);
/* Of 1 to ATTR_ANSWER_MAX bytes. */
void attr_connection_reply(struct attr_connection *, const char *, size_t len);

/* No byte of a request has been read and not been answered. */
bool attr_connection_is_idle(const struct attr_connection *);
/* Of the process that has connected; 0: the kernel does not tell. */
pid_t attr_connection_peer_pid(const struct attr_connection *);
/* To look at, for the proof; never to read from or to keep. */
int attr_connection_fd(const struct attr_connection *);

#endif
