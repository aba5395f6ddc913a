/*
 * daemon.h - what both daemons do apart from their faces.
 *
 * Start-up order: options, resolver, configuration, log, detach, prepare and
 * bind (as whoever started us), drop privileges, store, http, faces, readiness,
 * loop. Signals: HUP reloads, USR2 starts a successor, TERM drains, a second
 * TERM stops. Exit 0 clean, 1 configuration, 2 start-up; never on a peer's
 * error.
 */
#ifndef TOLLGATE_ENGINE_DAEMON_H
#define TOLLGATE_ENGINE_DAEMON_H

#include "common/config/compare.h"
#include "common/engine/engine.h"
#include "common/net/listener.h"

struct evbuffer;
struct event_base;
struct daemon;
struct http_route;
struct inherit;

/* What a daemon brings. Every hook gets `context`. Those marked so may be
 * NULL. */
/* How many there are or were of what the word says; the word is a literal. */
struct daemon_count {
    const char *word;
    uint64_t count;
};
#define DAEMON_COUNTS 16

struct daemon_faces {
    const char *program; /* "tollgate-policyd" */
    bool reads_keys;     /* of certificate sections: may read any file */
    bool hands_over;     /* to pass services: may reach their sockets */
    void *context;
    /* The listeners of this daemon in a snapshot. */
    const struct config_listeners *(*listeners)(const struct config *);
    /* Its HTTP listener, "" for none. */
    const char *(*http)(const struct config *);
    /* The path of its control socket, "" for none. */
    const char *(*control)(const struct config *);
    /* The faces that it serves: bits 1u << enum face. */
    unsigned (*serves)(const struct config *);
    /* How a listener's socket is to be made; all but allowed_peers. */
    bool (*listener_options)(const struct config *,
        const struct config_listener *, struct listener_options *options_r,
        struct error *err);
    /* Who may come to an inet listener; NULL: all, the face judges them. */
    const struct cidr_list *(*allowed_peers)(
        const struct config *, const struct config_listener *);
    /* May be NULL. As whoever started us, before anything is bound. */
    bool (*prepare)(void *context, const struct config *, struct error *err);
    /* May be NULL. Opens what is no listener of ours, as whoever started us:
     * called again when the directory of *path_r is there. */
    enum listener_wait (*bind)(void *context, const struct config *,
        struct inherit *, const char **path_r, struct error *err);
    /* May be NULL. The lock of what `bind` has opened, for a successor; -1:
     * there is none. */
    int (*lock_fd)(void *context);
    /* After the store has been opened and before the first accept. */
    bool (*start)(void *context, struct daemon *, struct error *err);
    /* A connection for the listener's face; the fd is the face's now. */
    void (*on_accept)(void *context, const struct config_listener *, int fd);
    /* A connection of the control socket; the fd is the callee's now. */
    void (*on_control)(void *context, int fd);
    /* May be NULL. More lines for /metrics. */
    void (*write_metrics)(void *context, struct evbuffer *);
    /* May be NULL. Why less than the configuration says is guarded, as a
     * sentence that lives until the next call; NULL: all of it is. */
    const char *(*trouble)(void *context);
    /* May be NULL. Connections that came to gates: in hand, and how the others
     * ended. Returns how many words there are, at most DAEMON_COUNTS; 0: there
     * are no gates. */
    size_t (*gates)(void *context, struct daemon_count counts_r[DAEMON_COUNTS]);
    /* May be NULL. Everything is there: accept what `bind` has opened. */
    bool (*serve)(void *context, struct error *err);
    /* May be NULL. The configuration has been replaced. */
    void (*reload)(void *context, const struct config *);
    /* May be NULL. False: a successor could not take over. */
    bool (*may_hand_over)(void *context, struct error *err);
    /* Close what is idle; true when nothing is left. Asked when draining
     * begins, and again after daemon_session_ended. */
    bool (*drain)(void *context);
    /* After the loop, or a start that failed at any point: end all that is
     * there. */
    void (*stop)(void *context);
};

/*
 * Routes for people at the HTTP listener, with their context: on loopback, or
 * anywhere if http_status says so. Ours until others, or NULL, are shown.
 */
void daemon_show_pages(
    struct daemon *, const struct http_route *routes, void *context);

#define DAEMON_AT_START_MAX 32

/* The whole program; returns its exit status. */
int daemon_main(int argc, char **argv, const struct daemon_faces *);

/* What the daemon needs to go on has failed: ends with the status of a start
 * that failed, so that whoever started it does so again. */
void daemon_fail(struct daemon *);
/* A successor is being started, or we are draining already. */
bool daemon_is_leaving(const struct daemon *);

/* What a reload has done, or would do. */
struct daemon_reload {
    char before[17], after[17]; /* hashes of the configuration */
    bool has_changed;           /* a value, be it one that no hash sees */
    const char *at_start[DAEMON_AT_START_MAX]; /* differ from those that we
                                                  were started with: options
                                                  that a restart changes */
    size_t at_start_count;
    struct config_changes changes; /* of the one in effect */
};
/* Frees what daemon_reload or daemon_try_config has filled in. */
void daemon_reload_clear(struct daemon_reload *);
/* What HUP does; the old configuration stays if it fails. A reload that takes
 * protection away (config_changes.guarded) fails unless it is forced. */
bool daemon_reload(struct daemon *, bool is_forced,
    struct daemon_reload *reload_r, struct error *err);
/* Can it be loaded? The snapshot is the caller's, and so is what *reload_r
 * holds, cleared by daemon_reload_clear, whatever comes back. */
struct config *daemon_try_config(
    struct daemon *, struct daemon_reload *reload_r, struct error *err);

/*
 * What USR2 does. on_result comes later, unless daemon_restart failed or the
 * waiter was forgotten: whether a successor serves, which ends this process
 * when its sessions have gone.
 */
struct daemon_waiter {
    void (*on_result)(bool is_ready, pid_t successor, void *context);
    void *context;
};
/* False: err says why no successor was started. */
bool daemon_restart(
    struct daemon *, const struct daemon_waiter *, struct error *err);
/* No on_result any more; the restart goes on. */
void daemon_forget_waiter(struct daemon *);

/* "starting" "serving" "restarting" "draining" */
const char *daemon_phase_name(const struct daemon *);
const char *daemon_program(const struct daemon *);
/* What the faces' `trouble` says; NULL: nothing. */
const char *daemon_trouble(const struct daemon *);
/* What the faces' `gates` says; 0: there are none. */
size_t daemon_gates(
    const struct daemon *, struct daemon_count counts_r[DAEMON_COUNTS]);
/* Since it serves, and since its configuration was read. */
uint64_t daemon_uptime_ms(const struct daemon *);
uint64_t daemon_config_age_ms(const struct daemon *);

/* Borrowed. */
struct event_base *daemon_base(const struct daemon *);
/* Borrowed. */
struct engine *daemon_engine(const struct daemon *);
/* A session of a face has ended or become idle. Does something only while
 * draining, and then later, from the loop: no session is freed under its
 * caller. */
void daemon_session_ended(struct daemon *);

#endif
