/*
 * notices.h - tells somebody, once, that a limit refuses.
 *
 * At the first refusal of a key, then at most once per notify_every and key in
 * the whole fleet (store_tell), with how often it came in between. A decision
 * only notes its refusal in a bounded table; all else happens later, from the
 * loop, one message after the other and at most one a second. What fails is
 * tried again once a minute, and never lost while the daemon runs; what finds
 * no place in the table is counted. While the store is away each daemon tells
 * for itself.
 */
#ifndef TOLLGATE_ENGINE_NOTICES_H
#define TOLLGATE_ENGINE_NOTICES_H

#include "common/core/notice.h"
#include "common/engine/decision_log.h"

struct event_base;
struct notices;

/* fd: of notice_helper_start, ours from now on; -1: there is no helper. The
 * store and the metrics are borrowed. */
struct notices *notices_new(
    struct event_base *, struct store *, struct metrics *, int fd);
/* Before the store goes. What has not been told is lost. */
void notices_free(struct notices **);

/* The refusal's limit tells (limit_tells). Waits for nothing. */
void notices_note(struct notices *, const struct decision *,
    const struct refusal *, enum notice_kind);

#endif
