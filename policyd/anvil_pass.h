/*
 * anvil_pass.h - what the helper tollgate-anvil-pass and policyd say to each
 * other.
 *
 * The helper stands in anvil's place under spawn(8), with smtpd's connection
 * as descriptor 0. It connects to policyd's anvil-pass socket and sends one
 * byte with the descriptor (SCM_RIGHTS): ANVIL_PASS_NEW, policyd greets, or
 * ANVIL_PASS_GREETED, the helper has greeted and answered requests itself.
 * policyd answers ANVIL_PASS_TAKEN and owns the connection from then on; the
 * helper exits. Without that byte in time the helper takes its offer back (it
 * shuts its end down, so policyd's answer fails and policyd drops the
 * descriptor unread) and answers smtpd itself.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_PASS_H
#define TOLLGATE_POLICYD_ANVIL_PASS_H

#define ANVIL_PASS_NEW     'N'
#define ANVIL_PASS_GREETED 'G'
#define ANVIL_PASS_TAKEN   'T'

/* How long the helper waits for TAKEN. A policyd that is alive but late (a
 * machine that swaps or was suspended) answers within that, and smtpd's client
 * waits 300 s for its greeting (RFC 5321, 4.5.3.2.1). */
#define ANVIL_PASS_TIMEOUT_MS 10000
/* smtpd waits for its ipc_timeout, 3600 s by default (anvil_clnt.c), tries
 * once more and goes on unlimited. The helper must have started and answered
 * by then, so an ipc_timeout below this is too short. */
#define ANVIL_PASS_IPC_TIMEOUT_MS (2 * ANVIL_PASS_TIMEOUT_MS)

struct anvil_sessions;
struct event_base;
struct anvil_pass;

/* Receives descriptors on accepted connections and gives them to sessions. */
struct anvil_pass *anvil_pass_new(struct event_base *, struct anvil_sessions *);
void anvil_pass_free(struct anvil_pass **);
void anvil_pass_add(struct anvil_pass *, int fd);

#endif
