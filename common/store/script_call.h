/*
 * script_call.h - a call of store.lua, and what its reply means.
 *
 * Pure: charges become arguments, a reply becomes results. The protocol is
 * written at the top of store.lua. A reply that does not have exactly the
 * shape that the call asks for is bad, and touches no result.
 */
#ifndef TOLLGATE_STORE_SCRIPT_CALL_H
#define TOLLGATE_STORE_SCRIPT_CALL_H

#include "common/core/charge.h"

#include <stddef.h>

struct redisReply;

#define SCRIPT_LIMITS_MAX 50
#define SCRIPT_PREFIX_MAX 128
#define SCRIPT_NAME_MAX   255
#define SCRIPT_KEY_SIZE   (SCRIPT_PREFIX_MAX + SUBJECT_SIZE + SCRIPT_NAME_MAX + 8)
#define SCRIPT_ID_SIZE    8
#define SCRIPT_LIMIT_TEXT 64 /* its four numbers */

/* The same in all calls of a process. */
struct script_holder {
    const char *prefix; /* at most SCRIPT_PREFIX_MAX bytes */
    uint64_t lease_ttl_ms;
    unsigned char id[SCRIPT_ID_SIZE];
};

/* Big, and good for one call after the other: nothing is kept in it. */
struct script_call {
    const struct script_holder *holder;
    int argc;
    const char *argv[4 + 5 * SCRIPT_LIMITS_MAX];
    size_t argv_len[4 + 5 * SCRIPT_LIMITS_MAX];
    char mode[1 + SCRIPT_LIMITS_MAX];
    char count[8];
    size_t limits, limits_added, used;
    char text[SCRIPT_LIMITS_MAX * (SCRIPT_KEY_SIZE + SCRIPT_LIMIT_TEXT)];
};

enum script_mode {
    SCRIPT_CHARGE = 'c',
    SCRIPT_PEEK = 'p',
    SCRIPT_RECEIPT = 'r', /* a charge that may have to be taken back */
    SCRIPT_REFUND = 'u',
};

/* As many limits as said here must be added after it. */
void script_call_begin(struct script_call *, const struct script_holder *,
    const char *sha, size_t limits, enum script_mode);
/* mine: for a lease, this process's absolute count. */
void script_call_add(
    struct script_call *, const struct charge *, uint32_t mine);
/* Writes `mine` without a check: renews, corrects or gives back. */
void script_call_add_lease(struct script_call *, const struct subject *,
    const char *name, uint32_t mine);

/* Takes back a sliding charge that was made at this moment. */
void script_call_add_refund(
    struct script_call *, const struct charge *, uint64_t charged_ms);

/* Where a note is kept; returns its length. */
size_t script_note_key(
    const struct script_holder *, const char *note, char out[SCRIPT_KEY_SIZE]);

/* One of the keys of control.lua; returns its length. */
size_t script_control_key(
    const struct script_holder *, char letter, char out[SCRIPT_KEY_SIZE]);
/* Where a counter is kept; returns its length. */
size_t script_counter_key(const struct script_holder *, enum charge_kind,
    const struct subject *, const char *name, char out[SCRIPT_KEY_SIZE]);

/* The reply to a call for these charges; false: bad. */
bool script_reply_read(
    const struct redisReply *, struct charge *, size_t count, bool peek);
/* The same to SCRIPT_RECEIPT, with the moment on the server's clock. */
bool script_reply_read_receipt(const struct redisReply *, struct charge *,
    size_t count, uint64_t *charged_ms_r);
/* The reply to a call of leases alone: all holders' sum of each. */
bool script_reply_read_leases(
    const struct redisReply *, size_t count, uint32_t *used_r);
/* True if the request as a whole was charged. */
bool charges_pass(const struct charge *, size_t count);

enum script_error {
    SCRIPT_ERROR_MISSING,   /* NOSCRIPT: nothing has run */
    SCRIPT_ERROR_REQUEST,   /* about these keys; others may do well */
    SCRIPT_ERROR_SERVER,    /* it serves nobody now: LOADING, BUSY, OOM */
    SCRIPT_ERROR_ELSEWHERE, /* MOVED, ASK: nothing has run */
    SCRIPT_ERROR_DIVIDED,   /* TRYAGAIN: its keys are on two servers now */
    SCRIPT_ERROR_MOVED_ON,  /* another server, or a new greeting, may: READONLY
                             */
};
/* By the first word of the error's text. */
enum script_error script_error_of(const char *text);

#endif
