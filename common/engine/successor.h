/*
 * successor.h - a restart without a gap: the running daemon starts the next
 * one, with the same arguments, and hands it the listening sockets.
 *
 * The sockets go as LISTEN_FDS; the successor finds its own among them
 * (net/inherit.h). It writes one byte to the descriptor in
 * TOLLGATE_READY_FD when it serves. If it ends before, the old daemon goes on
 * as if nothing had been asked. A sealed file (memfd_create(2)) may come along,
 * TOLLGATE_LEGACY_FD: what is in it is the daemons' business. So is the text
 * in TOLLGATE_FULL_NAMES, the resolver's.
 */
#ifndef TOLLGATE_ENGINE_SUCCESSOR_H
#define TOLLGATE_ENGINE_SUCCESSOR_H

#include "common/base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct successor;

/* Absolute, found once at start: argv[0] may be relative, and the file may
 * have been replaced by a package upgrade since. Caller frees. */
char *successor_program_path(const char *argv0);

/* is_ready: it serves now. Else it has ended before. Called once. */
struct successor_events {
    void (*on_result)(bool is_ready, pid_t pid, void *context);
    void *context;
};

/* fds: the listening sockets; legacy_fd: sealed, -1 for none; names: the
 * resolver's text. Borrowed: argv. */
struct successor *successor_start(struct event_base *, const char *program,
    char *const *argv, const int *fds, size_t fd_count, int legacy_fd,
    const char *names, const struct successor_events *, struct error *err);
/* TERM for one that does not serve yet; no on_result. Accepts NULL. */
void successor_end(struct successor **);
void successor_free(struct successor **);

/* Are we a successor whose predecessor has not been told yet? */
bool successor_is_awaited(void);
/* In the successor: the file, ours to close; once. -1: there is none, or the
 * variable names another descriptor, which is left alone. */
int successor_take_legacy(void);
/* In the successor: the resolver's text, valid until main ends; NULL: none. */
const char *successor_names(void);
/* In the successor: tell the predecessor, if there is one. */
void successor_report_ready(void);

#endif
