/*
 * publish_stage.h - a certificate with every way out, and the other end of
 * its helper's socket.
 */
#ifndef TOLLGATE_TESTS_PUBLISH_STAGE_H
#define TOLLGATE_TESTS_PUBLISH_STAGE_H

#include "common/certs/command.h"
#include "tests/unit/certs_stage.h"

/* a.pem to tls/chain.pem and tls/map.cdb, with an on_change. */
extern const char publish_section[];

/* Each ends a day after the one before, the first in 50 days. */
extern struct issued publish_issued[3];
int publish_make_issued(void **state);
int publish_clear_issued(void **state);

int publish_setup(void **state);
int publish_teardown(void **state);
/* With the first certificate, whose command is done. */
void publish_start(struct certs_stage *);
/* As a successor would: nothing is known but what lies in the folder. */
void publish_restart(struct certs_stage *);
/* A file looks as if it had been written that long before. */
void publish_age(struct certs_stage *, const char *name, long s);

/* Whether the helper was asked since the last time. */
bool helper_was_asked(struct command_request *);
void helper_reply(const char *problem, uint64_t retry_ms);
void helper_leave(void);

bool publish_is_second_there(struct certs_stage *);
bool publish_is_map_done(struct certs_stage *);
/* An inode may come again: compare only with the one right before. */
unsigned long publish_map(struct certs_stage *);

#endif
