/*
 * verdict.h - the answer to an event, and its words.
 *
 * Pure. A face turns a verdict into its own protocol and adds nothing.
 */
#ifndef TOLLGATE_CORE_VERDICT_H
#define TOLLGATE_CORE_VERDICT_H

#include "common/core/limit.h"

enum verdict_kind {
    VERDICT_PASS,
    VERDICT_REFUSE,
    VERDICT_DEFER, /* the store is away and on_store_failure says defer; or
                      nothing can be proven this way: see reason */
};

enum verdict_reason {
    REASON_NONE,   /* no limit applied, or all passed */
    REASON_EXEMPT, /* passes: exempt_clients, and no other limit refuses */
    REASON_LIMIT,
    REASON_STORE,      /* defer, see above */
    REASON_UNTRUSTED,  /* the peer is proven, and no trusted proxy */
    REASON_UNPROVEN,   /* who the peer is could not be proven, and must be */
    REASON_IMPOSSIBLE, /* impossible_clients */
    REASON_FRONTENDS,  /* the PROXY header's destination is not ours */
    REASON_BANNED,
    REASON_UNPROXIED, /* unproxied_mail = defer; or pass: the proxy itself */
    REASONS,
};

struct verdict {
    enum verdict_kind kind;
    enum verdict_reason reason;
    const struct limit *limit; /* the refusing or holding one, or NULL; it lives
                                  as long as the decision's configuration */
    bool is_total; /* its counter is one for all of the login's domain */
    uint32_t used;
    uint32_t allowed;   /* REFUSE by limit: its n and its window, or those of */
    uint64_t window_ms; /* an override */
    int64_t retry_ms;   /* REFUSE by limit or ban, or held: CHARGE_NEVER or ms;
                           else 0 */
    /* BANNED: which part of the event; KEY_CLIENT: its network. */
    enum key_part banned_by;
    const char *ban_action; /* by another part: the ban's own, or ban_action */
    bool is_held; /* PASS, but into the hold queue: with ban_action, or by the
                     limit (on_refusal) */
    /* What stands on the counters of each kind that was asked about: the
     * highest of several. For the anvil face, which reports them. */
    uint32_t count[EVENT_KINDS];
};

/* "pass", "refuse" or "defer". */
const char *verdict_kind_name(enum verdict_kind);
/* The word in the log and in /metrics: "limit", "banned" ... */
const char *verdict_reason_name(enum verdict_reason);
/* For people and the log: the kind's name, or "hold". */
const char *verdict_word(const struct verdict *);
/* The key of its limit, or the part that is banned; 0: neither, or a network's
 * ban. */
uint16_t verdict_key(const struct verdict *);

/*
 * The default action of a limit with such a key, in Postfix's own words and
 * codes: "450 4.7.1 Error: too much mail from %{key}". The caller frees.
 */
char *verdict_default_action(enum event_kind, uint16_t key);

#define VERDICT_ACTION_SIZE 512 /* Postfix cuts an error text at 510 bytes */

/*
 * The policy action or milter reply: "DUNNO", "HOLD" and which limit, a 421 or
 * 451 in the words of a reason that is no limit, ban_action or its default for
 * the part, or the limit's action with %{client} %{key} %{limit}
 * %{rate} %{retry_after} expanded (seconds, rounded up; "never" for
 * CHARGE_NEVER). %{key}: whose counter is full, "login bob@example.com", or
 * "login domain example.com" of a total. One
 * line: values are escaped, and a control byte in the action itself is written
 * as a space. An unknown %{...} cannot come here (config refuses it). Cut at
 * the size.
 */
char *verdict_action(const struct verdict *, const struct event *,
    char text[VERDICT_ACTION_SIZE]);

/*
 * For the configuration: NULL, or where in text the first "%{" begins that is
 * not one of the five.
 */
const char *verdict_action_unknown(const char *text);
/* The same of ban_action, which knows neither %{limit} nor %{rate}. */
const char *verdict_ban_action_unknown(const char *text);
/* Is the action HOLD, with or without a text? */
bool verdict_action_holds(const char *action);

#endif
