/*
 * anvil_pass.h - what the helper tollgate-anvil-pass and policyd say to each
 * other.
 *
 * The helper stands in anvil's place under spawn(8), with smtpd's connection
 * as descriptor 0. It connects to policyd's anvil-pass socket and sends one
 * byte with the descriptor (SCM_RIGHTS): ANVIL_PASS_NEW, policyd greets, or
 * ANVIL_PASS_GREETED, the helper has greeted and answered requests itself.
 * policyd answers ANVIL_PASS_TAKEN and owns the connection from then on; the
 * helper exits. Without that byte within ANVIL_PASS_TIMEOUT_MS the helper
 * takes its offer back (it shuts its end down, so policyd's answer fails and
 * policyd drops the descriptor unread) and answers smtpd itself.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_PASS_H
#define TOLLGATE_POLICYD_ANVIL_PASS_H

#define ANVIL_PASS_NEW        'N'
#define ANVIL_PASS_GREETED    'G'
#define ANVIL_PASS_TAKEN      'T'
#define ANVIL_PASS_TIMEOUT_MS 2000

struct anvil_sessions;
struct event_base;
struct anvil_pass;

/* Receives descriptors on accepted connections and gives them to sessions. */
struct anvil_pass *anvil_pass_new(struct event_base *, struct anvil_sessions *);
void anvil_pass_free(struct anvil_pass **);
void anvil_pass_add(struct anvil_pass *, int fd);

#endif
