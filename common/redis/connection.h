/*
 * connection.h - one pipelined connection to a Redis server.
 *
 * hiredis's reader over a libevent bufferevent; commands, deadlines, FIFO and
 * reconnects are our own. Commands are written in one go per turn of the loop;
 * replies come back in order. One timer, for what is due first. A call is
 * answered exactly once: with its reply, or with NULL after timeout_ms or when
 * the connection is lost. After a timeout the FIFO slot stays, so a late reply
 * can never be taken for another's; no reply at all for REDIS_SILENCE_MS, or a
 * malformed one, and the connection is made anew. Reconnects back off from
 * 50 ms to 1 s, with jitter, until a call has been answered. Nothing is ever
 * sent twice. The program must ignore SIGPIPE.
 */
#ifndef TOLLGATE_REDIS_CONNECTION_H
#define TOLLGATE_REDIS_CONNECTION_H

#include "common/config/redis_url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct redisReply;
struct resolver;
struct redis_tls;

#define REDIS_SILENCE_MS 5000
/* Of connecting and the handshake, for nobody waits for it; or timeout_ms if
 * that is longer. */
#define REDIS_CONNECT_TIMEOUT_MS 1000

/* Owned by the caller; in use until on_reply or redis_connection_cancel. */
struct redis_call {
    /* reply: borrowed, NULL if there is none. May make new calls. */
    void (*on_reply)(struct redis_call *, const struct redisReply *reply);
    void *context;
    uint64_t timeout_ms;         /* of this call; 0: the settings' */
    struct redis_inflight *slot; /* the connection's; NULL while idle */
};

struct redis_settings {
    /* Borrowed for the connection's life. Neither host nor unix_path: it
     * waits until redis_connection_aim names one. */
    struct redis_url url;
    const struct redis_tls *tls; /* NULL: without; borrowed for as long */
    struct resolver *resolver;   /* borrowed; NULL: hosts are addresses */
    const char *client_name;     /* CLIENT SETNAME; no spaces */
    uint64_t timeout_ms;         /* of a call */
    const char *script; /* SCRIPT LOAD at each connect, before ready; or NULL */
    bool wants_master;  /* ROLE must say so before ready */
    bool auth_when_asked; /* no password before redis_connection_use_password,
                             or an error NOAUTH in the handshake */
    size_t reply_max;     /* bytes; 0: what the reader usually takes */
    size_t pending_max;   /* more unanswered calls are refused */
    /*
     * Ready to be used; or lost, or not reached at one more attempt. reason
     * is for the log, valid during the call, NULL when ready; no secret and
     * no byte but printable ones is in it. Calls that wait are answered with
     * NULL after it.
     */
    void (*on_state)(void *context, bool is_ready, const char *reason);
    /* What a subscription says; NULL: there is none. Borrowed. */
    void (*on_message)(void *context, const struct redisReply *);
    void *context;
};

/* Connects from the loop: no on_state before this has returned. */
struct redis_connection *redis_connection_new(
    struct event_base *, const struct redis_settings *);
/* With auth_when_asked: the next link begins with AUTH. */
void redis_connection_use_password(struct redis_connection *);
/*
 * Where the server is now. If that is news, a link that is up ends with
 * reason, and the next attempt is made at once.
 */
void redis_connection_aim(struct redis_connection *, const char *host,
    uint16_t port, const char *reason);
/* No on_state any more, and no new link; calls under way have their answers. */
void redis_connection_retire(struct redis_connection *);
bool redis_connection_is_idle(const struct redis_connection *);
/* No on_reply, no on_state any more. Not from inside one of them. */
void redis_connection_free(struct redis_connection **);
/*
 * The same, after everything written so far has been sent and executed, but
 * after timeout_ms at the latest. Waits without the loop: for the end only.
 */
void redis_connection_finish(struct redis_connection **, uint64_t timeout_ms);

/*
 * False, and no on_reply, if the connection is not ready or pending_max is
 * reached. argv is copied into the output buffer. Without a call (NULL) the
 * answer does not matter to anybody.
 */
bool redis_connection_call(struct redis_connection *, struct redis_call *,
    int argc, const char *const *argv, const size_t *argv_len);
/* The answer will be dropped; on_reply is not called. */
void redis_connection_cancel(struct redis_call *);

/* Greeted, and commands go out. */
bool redis_connection_is_ready(const struct redis_connection *);
/* SHA-1 of the script, 40 hex digits, for EVALSHA. */
const char *redis_connection_script_sha(const struct redis_connection *);
/* After NOSCRIPT: load it again, ahead of later calls. */
void redis_connection_load_script(struct redis_connection *);
/* The server answers, but cannot serve us (any more): connect anew after a
 * pause, perhaps to another one of the same name. */
void redis_connection_drop(struct redis_connection *, const char *reason);

#endif
