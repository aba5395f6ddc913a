/*
 * daemon_private.h - what the files of the daemon share among themselves.
 */
#ifndef TOLLGATE_ENGINE_DAEMON_PRIVATE_H
#define TOLLGATE_ENGINE_DAEMON_PRIVATE_H

#include "common/core/peer.h"
#include "common/engine/daemon.h"
#include "common/engine/daemon_options.h"
#include "common/engine/successor.h"
#include "common/net/http.h"
#include "common/net/inherit.h"

#include <signal.h>

enum daemon_phase {
    DAEMON_STARTING,
    DAEMON_SERVING,
    DAEMON_DRAINING, /* accepts nothing; ends with its last session */
};

enum { SIGNAL_HUP, SIGNAL_USR2, SIGNAL_TERM, SIGNAL_INT, SIGNAL_CHLD, SIGNALS };

struct daemon_listener {
    struct daemon *daemon;
    struct listener *listener;
};

struct daemon {
    const struct daemon_faces *faces;
    struct daemon_options options;
    char **argv;
    char *program_path;
    int parent_fd; /* -d: told when we serve; else -1 */

    struct resolver *resolver;
    struct event_base *base;
    struct config *config;
    struct config *first_config;    /* what we were started with */
    uint64_t started_ms, config_ms; /* monotonic */
    struct store *store;
    struct engine *engine;
    struct trust *trust;
    struct names_watch *names_watch;
    int notice_fd; /* of notice_helper.h, until notices have it; -1: none */
    struct notices *notices;
    struct log_gather *log_gather;
    bool may_prove;                    /* CAP_SYS_PTRACE is there */
    struct peer_refusal proof_refusal; /* of the trial at start */
    struct http_server *http;
    const struct http_route *pages; /* for people; NULL: none */
    void *pages_context;
    struct daemon_listener *listeners;
    size_t listener_count;
    struct inherit inherited; /* at start: what no listener has claimed yet */

    enum daemon_phase phase;
    bool has_failed; /* while serving */
    bool stays;      /* our end would be the container's (elder.h) */
    pid_t heir;      /* the successor that serves; 0: we do */
    struct event *signals[SIGNALS];
    struct event *watchdog; /* NULL: nobody waits for its reports */
    struct event *drain_deadline;
    struct event *drain_again; /* a session has ended while draining */
    struct successor *successor;
    struct daemon_waiter waiter; /* for it; on_result NULL: nobody */
};

/* daemon_listeners.c: inherited, or bound now; waits for directories that
 * are not ours to make. */
bool daemon_listeners_open(struct daemon *, struct error *err);
/* The same for what a face opens by itself. */
bool daemon_face_bind(struct daemon *, struct error *err);
bool daemon_listeners_start(struct daemon *, struct error *err);
/* A reload: the old snapshot, from which they borrow, is about to go. */
void daemon_listeners_follow(struct daemon *, const struct config *);
void daemon_listeners_close(struct daemon *, bool unlink_sockets);

/* daemon_signals.c */
void daemon_signals_install(struct daemon *);
void daemon_signals_free(struct daemon *);

/* daemon_change.c */
void daemon_end_restart(struct daemon *);

/* daemon_edicts.c */
/* For the successor: a file, the caller's to close; -1: there is nothing. */
int daemon_leave_edicts(const struct daemon *);
/* From the predecessor; the store is open, and nobody is served yet. */
void daemon_take_edicts(const struct daemon *);

/* daemon_pages.c */
bool daemon_pages_open(struct daemon *, struct error *err);
/* After http_status may have changed. */
void daemon_pages_follow(struct daemon *);

/* daemon_proof.c */
/* After privileges have been dropped, and at each reload: false if a service
 * needs what we do not have. */
bool daemon_check_proof(
    const struct daemon *, const struct config *, struct error *err);
bool daemon_drop_privileges(struct daemon *, struct error *err);

/* daemon_system.c */
/* At start and for -t: warns of what the configuration names and this system
 * has not. Not at a reload: users may come from a slow directory. */
void daemon_look_around(struct config *);

/* daemon_watchdog.c */
bool daemon_watchdog_start(struct daemon *, struct error *err);
void daemon_watchdog_stop(struct daemon *);

/* daemon.c */
bool daemon_log_open(
    const struct daemon *, const struct config *, struct error *err);
void daemon_log_warnings(const struct config *);
/* No more accepts; ends when the faces have no session left, or,
 * with a deadline, at drain_timeout. */
void daemon_drain(struct daemon *, bool has_deadline, bool unlink_sockets);

#endif
