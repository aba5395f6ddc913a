/*
 * bill.h - which counters an event is charged to, and what they said.
 *
 * Between an event and the store: limits that apply become charges, and, for
 * the anvil face, kinds without a client_* limit become reports (counted as
 * anvil does, never refused). Allocates nothing.
 */
#ifndef TOLLGATE_ENGINE_BILL_H
#define TOLLGATE_ENGINE_BILL_H

#include "common/config/config.h"
#include "common/core/verdict.h"
#include "common/store/store.h"

/* More than anybody can come: where no limit is in force and a window needs
 * one. */
#define BILL_NO_LIMIT 1000000000

struct bill_item {
    const struct limit *limit; /* NULL: a report */
    enum event_kind kind;
    bool is_overridden;
    bool is_total; /* counted for the whole domain of the login */
    uint32_t n;    /* the limit's, or the override's; 0: none is in force */
    uint64_t window_ms;
    uint64_t blocked_until_ms; /* an override lets nothing through; 0: no */
};

struct bill {
    size_t count;
    bool is_blocked; /* some item is: not to be charged unless it is a shadow */
    size_t known; /* of them, the first ones, that the store has answered where
                     it could not answer all */
    struct charge charges[STORE_CHARGES_MAX]; /* parallel to items */
    struct bill_item items[STORE_CHARGES_MAX];

    /* Charges with the same key and prefixes share a subject. */
    size_t subject_count;
    struct subject subjects[STORE_CHARGES_MAX];
    struct subject totals[STORE_CHARGES_MAX]; /* of domains, parallel to
                                                 charges */
    struct subject others; /* of the client, for names beyond the bound */
    struct {
        uint16_t key;
        uint8_t ipv4, ipv6;
    } subject_keys[STORE_CHARGES_MAX];
};

/* config refuses more than STORE_CHARGES_MAX limits that one event can meet;
 * should a report find no place, it is left out. */
void bill_write(struct bill *, const struct edict_table *,
    const struct config *, const struct event *, const char *service_title);

/*
 * Of limits whose keys a client can invent: what is beyond
 * new_keys_per_client, and named in no override, is counted together. Returns
 * the first such limit; NULL: none.
 */
struct newcomers;
const struct limit *bill_bound_newcomers(struct bill *, struct newcomers *,
    const struct config *, const struct event *);

/* Is what this limit would refuse held? It is a shadow in the store then, so
 * that others are charged. NULL: a report. */
bool bill_holds(const struct limit *);

/* The n of a limit of LIMIT_PER_MESSAGE that applies; 0: none is in force. */
uint32_t bill_per_message(const struct limit *, const struct edict_table *,
    const struct event *, const char *service_title);

/* STORE_PARTLY: what the store has answered goes to the front. */
void bill_keep_known(struct bill *);

/* The charge that a limit makes, or a report, but for subject and amount. */
struct charge bill_limit_charge(const struct limit *);
struct charge bill_report_charge(const struct config *, enum event_kind);
/* What a limit by the calendar refuses passes when its period ends, whatever
 * the store's windows say. After the store's answer. */
void bill_settle_calendars(struct bill *);
/* Whom a report is counted for. */
void bill_report_subject(
    const struct event *, const char *service_title, struct subject *subject_r);

/*
 * Puts an override of the limit for the charge's subject into the charge;
 * returns it, or NULL: there is none. *n_r: the limit's n, or the override's;
 * 0: none is in force, and what is counted passes, or nothing is let through.
 * One for all of a login's domain changes the charge's subject: *total_r is
 * that then, lives as long as the charge, and may be the old one.
 */
const struct edict *bill_override_charge(const struct edict_table *,
    const struct limit *, struct charge *, struct subject *total_r,
    uint32_t *n_r);

/*
 * The store is away. Of what is not known, leaves only what on_store_failure
 * says to charge locally, with limits divided by the daemons that feed them:
 * those serving the face (struct store_state). False: a limit says defer.
 */
bool bill_reduce_to_local(
    struct bill *, const struct config *, const uint32_t serving[FACES]);

/*
 * After a local charge: what reports have counted, as if the others had
 * counted as much. Whoever compares it with N, which we do not know, refuses
 * beyond N divided by the daemons; but the first one never.
 */
void bill_scale_reports(
    struct bill *, const uint32_t serving[FACES], enum face);

/*
 * The charge that refuses the event: of several the one that does so for the
 * longest. NULL if none does.
 */
const struct charge *bill_refusal(const struct bill *);
const struct bill_item *bill_item_of(
    const struct bill *, const struct charge *);

#endif
