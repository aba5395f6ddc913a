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

struct bill_item {
    const struct limit *limit; /* NULL: a report */
    enum event_kind kind;
};

struct bill {
    size_t count;
    struct charge charges[STORE_CHARGES_MAX]; /* parallel to items */
    struct bill_item items[STORE_CHARGES_MAX];

    /* Charges with the same key share a subject. */
    size_t subject_count;
    struct subject subjects[STORE_CHARGES_MAX];
    struct {
        uint16_t key;
        bool is_report;
    } subject_keys[STORE_CHARGES_MAX];
};

/* config refuses more than STORE_CHARGES_MAX limits that one event can meet;
 * should a report find no place, it is left out. */
void bill_write(struct bill *, const struct config *, const struct event *,
    const char *service_title);

/*
 * The store is away. Leaves only what on_store_failure says to charge
 * locally, with limits divided by instances. False: a limit says defer.
 */
bool bill_reduce_to_local(
    struct bill *, const struct config *, uint32_t instances);

/*
 * The charge that refuses the event: of several the one that does so for the
 * longest. NULL if none does.
 */
const struct charge *bill_refusal(const struct bill *);
const struct bill_item *bill_item_of(
    const struct bill *, const struct charge *);

#endif
