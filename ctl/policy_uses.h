/*
 * policy_uses.h - where an smtpd asks policyd, in all of its lists.
 */
#ifndef TOLLGATE_CTL_POLICY_USES_H
#define TOLLGATE_CTL_POLICY_USES_H

#include "ctl/doctor_checks.h"

#define POLICY_USES_MAX 32

/* Lists of restrictions, in the order in which Postfix goes through them. */
enum policy_list {
    LIST_CLIENT,
    LIST_HELO,
    LIST_SENDER,
    LIST_RELAY,
    LIST_RECIPIENT,
    LIST_DATA,
    LIST_END_OF_DATA,
    LIST_ETRN,
    POLICY_LISTS,
};

struct policy_use {
    enum policy_list list;
    const char *state; /* the protocol_state that policyd is told */
    size_t index;      /* of check_policy_service in the list */
    struct postfix_entry entry;
    const struct config_listener *ours;
    bool is_jailed;    /* the chroot leads elsewhere */
    bool is_toothless; /* warn_if_reject */
    char *passed_by;   /* a word before it that may end the list; NULL: none */
};

struct policy_uses {
    struct postfix_list lists[POLICY_LISTS]; /* classes expanded */
    struct policy_use items[POLICY_USES_MAX];
    size_t count;
};

/* What the listener's lists ask of policyd; policy_uses_close frees it. */
void policy_uses_open(const struct doctor *, const struct doctor_listener *,
    struct policy_uses *uses_r);
/* Frees what policy_uses_open has made. */
void policy_uses_close(struct policy_uses *);

/* "smtpd_client_restrictions" … */
const char *policy_list_name(enum policy_list);
/* How many of that state. */
size_t policy_uses_at(const struct policy_uses *, const char *state);

/*
 * The list with one sound use of policyd in its place, or, if it is not to be
 * kept, with none.
 */
void policy_uses_mend(struct doctor *, struct doctor_finding *,
    const struct doctor_listener *, const struct policy_uses *,
    enum policy_list, bool is_kept);

#endif
