/*
 * notice_helper.h - runs the commands of notify, and posts to its URLs, in a
 * helper that is forked before privileges are dropped.
 *
 * Like that of on_change (certs/command.h) the helper knows the argument
 * vectors of the configuration that it was forked with, starts nothing else,
 * and is inherited by a successor. It is another process, because a
 * certificate must not wait for what strangers cause. Its commands run as the
 * daemon's user, without capabilities and without more groups; they may gain
 * rights by set-group-ID, as sendmail's postdrop does, where the daemon was
 * started so that it could.
 */
#ifndef TOLLGATE_ENGINE_NOTICE_HELPER_H
#define TOLLGATE_ENGINE_NOTICE_HELPER_H

#include "common/base/launch.h"
#include "common/config/config.h"
#include "common/core/notice.h"

#include <sys/types.h>

/* In the environment of a successor: the helper's socket. */
#define NOTICE_FD_VARIABLE "TOLLGATE_NOTIFY_FD"

#define NOTICE_TIMEOUT_MS 20000 /* of one command */

/* Fixed in size, so that either side reads one or nothing. */
struct notice_request {
    pid_t owner;          /* who wants the reply */
    uint32_t serial;      /* of its requests */
    char argv_digest[33]; /* of the vector that is to run: command_digest */
    struct notice notice;
};
struct notice_reply {
    pid_t owner; /* both as in the request: during a hand-over two daemons */
    uint32_t serial;                   /* ask at one socket */
    char problem[LAUNCH_PROBLEM_SIZE]; /* "": it exited 0, or was taken */
};

/* The daemon's end of the helper's socket: a new helper's, or that of the
 * predecessor. -1 without an error: no limit has notify. */
bool notice_helper_start(const struct config *, int *fd_r, struct error *err);

/* Warnings (config->warnings) of limits whose notify the helper was not started
 * with: it goes on with what they had then. After notice_helper_start. */
void notice_helper_warn(struct config *);

/* The descriptor that is left open for a successor; -1: there is none. */
int notice_helper_left_open(void);

#endif
