/*
 * anvil_event.h - anvil's requests as events, verdicts as anvil's numbers.
 *
 * Pure. What counts: connect (a session, and a place among those open at
 * once), message, recipient, newtls, auth. What only asks: newtls_status and
 * lookup. A verdict that does not pass becomes numbers above every limit that
 * main.cf can hold; lookup alone tells the true numbers then, since nobody
 * decides by them.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_EVENT_H
#define TOLLGATE_POLICYD_ANVIL_EVENT_H

#include "common/core/verdict.h"
#include "policyd/anvil_ident.h"

/* The event borrows from the ident. Not for disconnect. Of an unknown request
 * it counts nothing: an event for the proof alone. */
void anvil_event_fill(
    enum anvil_request_kind, const struct anvil_ident *, struct event *event_r);

/* What smtpd is told, by the kind of its request. */
struct anvil_numbers anvil_event_numbers(
    enum anvil_request_kind, const struct verdict *);

#endif
