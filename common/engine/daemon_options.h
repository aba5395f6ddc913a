/*
 * daemon_options.h - the command line that both daemons share.
 */
#ifndef TOLLGATE_ENGINE_DAEMON_OPTIONS_H
#define TOLLGATE_ENGINE_DAEMON_OPTIONS_H

#include "common/config/config.h"

struct daemon_options {
    struct config_source source; /* borrows from argv */
    const char *overrides[64];   /* what source.overrides points to */
    bool check_only;             /* -t */
    bool detach;                 /* -d */
    bool verbose;                /* -v: log_level = debug */
};

enum daemon_options_result {
    DAEMON_OPTIONS_RUN,
    DAEMON_OPTIONS_DONE, /* -h, -V: printed */
    DAEMON_OPTIONS_BAD,  /* printed what is wrong */
};

/* Reads the command line. DAEMON_OPTIONS_BAD: the error has been printed. */
enum daemon_options_result daemon_options_parse(
    int argc, char **argv, const char *program, struct daemon_options *);

#endif
