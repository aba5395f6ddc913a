/*
 * daemon.h - what both daemons do apart from their faces.
 *
 * Start-up order: options, configuration, log, bind (as whoever started us),
 * http, detach, drop privileges, store, faces, readiness, loop. Signals: HUP
 * reloads, USR2 starts a successor, TERM drains, a second TERM stops. Exit 0
 * clean, 1 configuration, 2 start-up; never on a peer's error.
 */
#ifndef TOLLGATE_ENGINE_DAEMON_H
#define TOLLGATE_ENGINE_DAEMON_H

#include "common/engine/engine.h"
#include "common/net/listener.h"

struct event_base;
struct daemon;

/* What a daemon brings; every hook gets `context`. */
struct daemon_faces {
    const char *program; /* "tollgate-policyd" */
    /* The listeners of this daemon in a snapshot. */
    const struct config_listeners *(*listeners)(const struct config *);
    /* A connection for the listener's face; the fd is the face's now. */
    void (*on_accept)(struct daemon *, const struct config_listener *, int fd);
    /* After the store has been opened and before the first accept. */
    bool (*start)(struct daemon *, struct error *err);
    void (*reloaded)(struct daemon *);
    /* Stop what is idle; when nothing is left call daemon_drained. */
    void (*drain)(struct daemon *);
    /* End all at once. */
    void (*stop)(struct daemon *);
};

int daemon_main(int argc, char **argv, const struct daemon_faces *);

struct event_base *daemon_base(const struct daemon *);
struct engine *daemon_engine(const struct daemon *);
bool daemon_is_draining(const struct daemon *);
/* The last session has gone while draining. */
void daemon_drained(struct daemon *);

#endif
