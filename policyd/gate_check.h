/*
 * gate_check.h - what a gate says to a proxy that comes for itself.
 *
 * A connection that has no client behind it (LOCAL, UNKNOWN, UNSPEC, a unix
 * socket, its own address and port) is a health check: it may connect and
 * leave, or talk as far as HAProxy's "option smtpchk" does. No mail can be sent
 * over it, so it never counts as a client at the proxy's own address. Pure.
 */
#ifndef TOLLGATE_POLICYD_GATE_CHECK_H
#define TOLLGATE_POLICYD_GATE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define GATE_CHECK_LINE 512 /* bytes, the longest command of RFC 5321 */

/* The reply to a line, without its end; static. *ends_r: close after it. */
const char *gate_check_reply(const char *line, size_t len, bool *ends_r);

#endif
