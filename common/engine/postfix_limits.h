/*
 * postfix_limits.h - Postfix's own limits, with which smtpd compares what the
 * anvil face reports: smtpd_client_*_limit of main.cf, or of a service's -o.
 *
 * What smtpd refuses by them it does not tell us. So they are asked of
 * postconf(1), which finds Postfix's configuration as every command of Postfix
 * does (MAIL_CONFIG in the environment names another). It runs in a process
 * without rights, a second after the start and after a reload, and once a
 * minute if main.cf or master.cf has another time. Where no Postfix is
 * installed, nothing is known and nothing is logged.
 */
#ifndef TOLLGATE_ENGINE_POSTFIX_LIMITS_H
#define TOLLGATE_ENGINE_POSTFIX_LIMITS_H

#include "common/core/event.h"

struct event_base;
struct postfix_limits;

/* The parameter with smtpd's limit of what anvil counts for it; NULL: there is
 * none. */
extern const char *const postfix_client_limits[EVENT_KINDS];

/* Asks one second later. */
struct postfix_limits *postfix_limits_new(struct event_base *);
/* Ends the process that asks, if it runs. */
void postfix_limits_free(struct postfix_limits **);

/* Asks again, soon. */
void postfix_limits_look(struct postfix_limits *);

/* Of the service with that name in master.cf; smtpd refuses what is above it.
 * 0: none, or not known. limits may be NULL. */
uint32_t postfix_limits_of(
    const struct postfix_limits *limits, const char *service, enum event_kind);

#endif
