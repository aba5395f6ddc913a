/*
 * command.h - runs the on_change commands, in a helper that is forked before
 * privileges are dropped.
 *
 * The helper knows the argument vectors of the configuration that it was
 * forked with, and starts nothing else; no shell, a fixed environment that
 * says what has changed, one command at a time, ended after its timeout. What
 * fails is tried again by the helper itself, because it outlives a restart of
 * the daemon: it ends with the last daemon that holds its socket, and a
 * successor inherits that.
 */
#ifndef TOLLGATE_CERTS_COMMAND_H
#define TOLLGATE_CERTS_COMMAND_H

#include "common/config/config.h"

/* In the environment of a successor: the helper's socket. */
#define COMMAND_FD_VARIABLE "TOLLGATE_ON_CHANGE_FD"

#define COMMAND_TEXT_SIZE 256

/* After a failure: 5 s, doubled up to 320 s. */
#define COMMAND_RETRY_MS        5000
#define COMMAND_RETRY_DOUBLINGS 6
#define COMMAND_TRIES_MAX       10

/* Fixed in size, so that the helper reads it or nothing. A later one for the
 * same certificate takes the place of one that is not done. */
struct command_request {
    uint64_t timeout_ms;
    char argv_digest[33]; /* of the vector that is to run: command_digest */
    /* For the environment. */
    char certificate[COMMAND_TEXT_SIZE]; /* the title */
    char default_chain[4096];
    char fingerprints[COMMAND_TEXT_SIZE]; /* of the leafs, with spaces */
    char not_after[32];                   /* unix time of the first to end */
};

/* To whichever daemon reads it. */
struct command_reply {
    char certificate[COMMAND_TEXT_SIZE];
    char problem[COMMAND_TEXT_SIZE]; /* "": it exited 0 */
    uint64_t retry_ms;               /* the next attempt; 0: none */
};

/* The first half of the vector's SHA-256, in hexadecimal digits. */
void command_digest(char *const *argv, char digest_r[33]);

/*
 * The daemon's end of the helper's socket: a new helper's, or that of the
 * predecessor. -1 without an error: no certificate has an on_change.
 */
bool command_start(const struct config *, int *fd_r, struct error *err);

/* The descriptor that is left open for a successor; -1: there is none. */
int command_left_open(void);

/* command_helper.c: the helper's life; never returns. */
void command_serve(const struct config *, int fd) __attribute__((noreturn));

#endif
