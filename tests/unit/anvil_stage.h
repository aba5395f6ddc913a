/*
 * anvil_stage.h - anvil's sessions with a scripted engine behind them, for
 * tests that play smtpd. Tests use the one global `stage`.
 */
#ifndef TOLLGATE_TESTS_ANVIL_STAGE_H
#define TOLLGATE_TESTS_ANVIL_STAGE_H

#include "tests/unit/unit.h"

#include "common/config/config.h"
#include "policyd/anvil_request.h"
#include "policyd/anvil_session.h"
#include "tests/unit/fake_engine.h"

#include <stdbool.h>

#define A "ident=smtp:192.0.2.1\n\n"
#define B "ident=smtp:192.0.2.2\n\n"

struct anvil_stage {
    struct event_base *base;
    struct anvil_sessions *sessions;
    struct config config;     /* service "25" has the name "smtp" */
    unsigned taken, released; /* leases */
    uint64_t tracked;         /* by the store */
    char log_path[40];
};

extern struct anvil_stage stage;

int stage_set_up(void **state);
int stage_tear_down(void **state); /* checks that no lease is left */

/* smtpd's end of a new session. */
int stage_open(bool is_greeted);
/* All that smtpd has to read: "" for nothing, "EOF" for the end. */
const char *stage_hear(int fd);
/* The same after a request has been sent and the loop has run. */
const char *stage_ask(int fd, const char *request);
void stage_run(void);
/* How many lines of the log hold this text. */
unsigned stage_logged(const char *text);

#endif
