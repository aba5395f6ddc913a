/*
 * anvil_silence.h - notices that smtpd does not ask the anvil face any more,
 * as after a change of master.cf that put Postfix's own anvil back.
 *
 * Only the policy face shows what anvil misses: a recipient whose smtpd has no
 * anvil connection to us. That alone says nothing, because smtpd asks about no
 * exempt client (smtpd_client_event_limit_exceptions, the hosts of XCLIENT) and
 * about none where all its limits are 0. So a recipient is missed only if smtpd
 * has asked about the same client at the same port before. The silence is
 * certain once recipients were missed for ten seconds and no smtpd asked
 * anything meanwhile, and ends with the next question. A process that was never
 * asked, or where no client came back, knows nothing and says nothing. Where no
 * recipient is missed for ten minutes nothing is certain either: a daemon that
 * is not ready because of this gets no mail that could show the opposite.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_SILENCE_H
#define TOLLGATE_POLICYD_ANVIL_SILENCE_H

#include "common/base/hash.h"
#include "policyd/policy_request.h"

#include <stdbool.h>

#define ANVIL_SILENCE_CLIENTS 4096
#define ANVIL_SILENCE_TEXT    256
/* The span, and the number, of missed recipients that make it certain. */
#define ANVIL_SILENCE_MS         10000
#define ANVIL_SILENCE_RECIPIENTS 3
#define ANVIL_SILENCE_STALE_MS   600000 /* since the last one */

struct anvil_silence {
    struct hash_key key;
    bool was_asked; /* about a client that the policy face has seen */
    uint64_t asked_about[ANVIL_SILENCE_CLIENTS]; /* hashes of client and port */
    uint64_t total;      /* recipients that were missed, since the start */
    uint64_t recipients; /* in the present silence; 0: smtpd asks */
    uint64_t since_ms, last_ms; /* the first and the last of them */
    uint64_t warned_ms;         /* 0: never in the present silence */
    char port[sizeof((struct policy_request *)NULL)->server_port];
};

/* What the anvil face knows of the smtpd that asks the policy face. */
enum anvil_acquaintance {
    ANVIL_STRANGER,  /* it has no connection to the anvil face */
    ANVIL_KNOWN,     /* it has one, and did not say that its client came */
    ANVIL_CONNECTED, /* it has asked about the client that it serves */
};

/* Before any other verb. */
void anvil_silence_init(struct anvil_silence *);
/* Some smtpd has asked the anvil face something. */
void anvil_silence_end(struct anvil_silence *);
/* A recipient at the policy face. Logs once a minute while it is certain.
 * now_ms: of a clock that only goes forward, not 0. */
void anvil_silence_note(struct anvil_silence *, const struct policy_request *,
    enum anvil_acquaintance, uint64_t now_ms);
/* What is wrong and what to do, of at most ANVIL_SILENCE_TEXT bytes; NULL: no
 * silence is certain. now_ms: as in anvil_silence_note. */
const char *anvil_silence_text(const struct anvil_silence *, uint64_t now_ms,
    char text_r[ANVIL_SILENCE_TEXT]);

#endif
