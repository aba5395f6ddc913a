/*
 * policy_stage.h - policy sessions with one Postfix at the other end of a
 * socketpair, and the scripted engine behind them.
 */
#ifndef TOLLGATE_TESTS_POLICY_STAGE_H
#define TOLLGATE_TESTS_POLICY_STAGE_H

#include "policyd/policy_session.h"

#include <stdint.h>

#define RCPT(instance) \
    "request=smtpd_access_policy\nprotocol_state=RCPT\n" \
    "client_address=203.0.113.7\nsender=a@x\nrecipient=b@y\n" \
    "sasl_username=user\nhelo_name=h\ninstance=" instance \
    "\npolicy_context=25\n\n"
#define STATE(state, instance, count, size) \
    "request=smtpd_access_policy\nprotocol_state=" state \
    "\nrecipient_count=" count "\ninstance=" instance "\nsize=" size "\n\n"
#define PASSED  "action=DUNNO\n\n"
#define REFUSED "action=450 4.7.1 Error: too much mail from 203.0.113.7\n\n"

struct policy_stage {
    struct policy_sessions *sessions;
    int peer; /* Postfix's end */
};

/* cmocka's, with a struct policy_stage as state. */
int policy_stage_setup(void **state);
int policy_stage_teardown(void **state);

/* One more Postfix; close it. */
int policy_stage_connect(struct policy_stage *);
void policy_stage_run(void);
void policy_stage_ask(int peer, const char *text);
/* What Postfix got: text, "" or "EOF". */
void policy_stage_expect(int peer, const char *expected);
/* The engine's last question, and how many there were. */
void policy_stage_asked(unsigned decisions, uint32_t messages,
    uint32_t recipients, uint32_t bytes, uint32_t of);

#endif
