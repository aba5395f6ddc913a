/*
 * store.c - the facade: memory: alone, or Redis with memory behind it.
 *
 * The memory counters are always there, for an outage must not begin with an
 * allocation. The lease table is one for the process, whoever admits: what
 * was let in while Redis was away is told to it when it is back.
 */
#include "common/store/store.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/store/breaker.h"
#include "common/store/lease.h"
#include "common/store/memory.h"
#include "common/store/memory_edicts.h"
#include "common/store/memory_records.h"
#include "common/store/redis_edicts.h"
#include "common/store/redis_store.h"
#include "common/store/store_inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    struct memory_store *memory;
    struct lease_table *leases;
    struct edict_table *edicts;
    struct memory_records records;
    struct redis_store *redis; /* NULL for memory: */
    uint64_t lease_ttl_ms;
};

struct store *store_open(struct event_base *base, struct resolver *resolver,
    const struct config *config, struct error *err)
{
    struct store *store = xcalloc(1, sizeof *store);
    store->memory = memory_store_new(MEMORY_STORE_ENTRIES_MAX);
    store->leases = lease_table_new();
    store->edicts = edict_table_new();
    memory_records_init(&store->records);
    store->lease_ttl_ms = config->lease_ttl_ms;
    if (strcmp(config->store, "memory:") == 0)
        return store;
    store->redis = redis_store_open(base, resolver, config, store->leases,
        store->memory, &store->edicts, err);
    if (store->redis == NULL)
        store_close(&store);
    return store;
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    redis_store_close(&(*store)->redis);
    lease_table_free(&(*store)->leases);
    edict_table_free(&(*store)->edicts);
    memory_store_free(&(*store)->memory);
    memory_records_clear(&(*store)->records);
    free(*store);
    *store = NULL;
}

void store_charge(struct store *store, struct store_request *request)
{
    if (store->redis != NULL)
        redis_store_charge(store->redis, request);
    else
        store_charge_local(store, request);
}

void store_look(struct store *store, struct store_request *request)
{
    request->peek = true;
    if (store->redis == NULL) {
        store_charge_local(store, request);
        return;
    }
    redis_store_look(store->redis, request->charges, request->count);
    request->on_done(request, STORE_OK);
}

static uint32_t local_count(struct store *store, const struct charge *charge)
{
    const struct lease *lease =
        lease_find(store->leases, charge->subject, charge->name);
    return lease == NULL ? 0 : lease->held;
}

/* A holder that is refused has no better time than this to come again. */
static void local_check_lease(struct store *store, struct charge *charge)
{
    charge->used = local_count(store, charge);
    charge->refused = charge->limit > 0 && charge->used >= charge->limit;
    charge->retry_ms = charge->refused ? (int64_t)store->lease_ttl_ms : 0;
}

static void local_take_leases(
    struct store *store, struct charge *charges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (charges[i].kind != CHARGE_LEASE || charges[i].refused)
            continue;
        lease_take(store->leases, charges[i].subject, charges[i].name);
        charges[i].used++;
    }
    if (store->redis != NULL)
        redis_store_write_leases(store->redis);
}

void store_charge_local(struct store *store, struct store_request *request)
{
    struct charge *charges = request->charges;
    for (size_t i = 0; i < request->count; i++)
        if (charges[i].kind == CHARGE_LEASE)
            local_check_lease(store, &charges[i]);
    bool passes = memory_store_charge(store->memory, charges, request->count,
        request->peek, clock_monotonic_ms());
    if (passes && !request->peek)
        local_take_leases(store, charges, request->count);
    request->on_done(request, STORE_OK);
}

void store_cancel(struct store *store, struct store_request *request)
{
    if (store->redis != NULL)
        redis_store_cancel(store->redis, request);
}

void store_refund(
    struct store *store, const struct charge *charge, uint64_t since_ms)
{
    if (store->redis != NULL && charge->charged_ms != 0)
        redis_store_refund(store->redis, charge);
    memory_store_take_back(
        store->memory, charge, since_ms, clock_monotonic_ms());
}

void store_release(
    struct store *store, const struct subject *subject, const char *name)
{
    lease_release(store->leases, subject, name);
    if (store->redis != NULL)
        redis_store_write_leases(store->redis);
}

void store_note_write(struct store *store, const char *key, const char *value)
{
    if (store->redis != NULL)
        redis_store_note_write(store->redis, key, value);
}

void store_note_read(
    struct store *store, const char *key, struct store_recall *recall)
{
    if (store->redis != NULL) {
        redis_store_note_read(store->redis, key, recall);
        return;
    }
    recall->value[0] = '\0';
    recall->on_done(recall, STORE_OK);
}

void store_recall_cancel(struct store *store, struct store_recall *recall)
{
    if (store->redis != NULL)
        redis_store_recall_cancel(store->redis, recall);
}

void store_tell(struct store *store, const char *key, struct store_tell *tell)
{
    if (store->redis != NULL) {
        redis_store_tell(store->redis, key, tell);
        return;
    }
    tell->told = tell->count;
    tell->wait_ms = tell->count > 0 ? tell->every_ms : 0;
    tell->is_left = false;
    tell->on_done(tell, STORE_OK);
}

void store_tell_cancel(struct store *store, struct store_tell *tell)
{
    store_recall_cancel(store, &tell->recall);
}

void store_edict_write(struct store *store, struct store_edict_request *request)
{
    if (store->redis != NULL)
        redis_edicts_write(redis_store_edicts(store->redis), request);
    else
        request->on_done(request, memory_edicts_write(store->edicts, request,
                                      clock_monotonic_ms(), clock_wall_ms()));
}

void store_edict_cancel(
    struct store *store, struct store_edict_request *request)
{
    if (store->redis != NULL)
        redis_edicts_cancel(redis_store_edicts(store->redis), request);
}

struct edict_table *store_edicts(struct store *store)
{
    return store->edicts;
}

void store_board_show(struct store *store, const char *text, size_t len)
{
    if (store->redis != NULL)
        redis_boards_show(redis_store_edicts(store->redis), text, len);
}

void store_board_read(struct store *store, struct store_board_request *request)
{
    if (store->redis != NULL)
        redis_boards_read(redis_store_edicts(store->redis), request);
    else
        request->on_done(request, STORE_OK);
}

void store_board_cancel(
    struct store *store, struct store_board_request *request)
{
    if (store->redis != NULL)
        redis_boards_cancel(redis_store_edicts(store->redis), request);
}

bool store_record_keep(struct store *store, uint64_t hour, const char *name,
    const char *text, size_t len)
{
    if (store->redis != NULL)
        return redis_record_keep(
            redis_store_edicts(store->redis), hour, name, text, len);
    memory_records_keep(&store->records, hour, name, text, len);
    return true;
}

void store_records_read(
    struct store *store, struct store_record_request *request)
{
    if (store->redis != NULL) {
        redis_records_read(redis_store_edicts(store->redis), request);
        return;
    }
    memory_records_read(&store->records, request);
    request->on_done(request, STORE_OK);
}

void store_records_cancel(
    struct store *store, struct store_record_request *request)
{
    if (store->redis != NULL)
        redis_records_cancel(redis_store_edicts(store->redis), request);
}

static void local_read_holders(
    struct store *store, struct store_inspection *inspection)
{
    uint32_t count = local_count(store, inspection->charge);
    if (count == 0)
        return;
    inspection->holder_count = 1;
    inspection->holders[0] =
        (struct store_holder){.id = "", .is_ours = true, .count = count};
}

void store_read_holders(
    struct store *store, struct store_inspection *inspection)
{
    inspection->holder_count = 0;
    if (store->redis != NULL) {
        redis_store_inspect(store->redis, "GET", inspection);
        return;
    }
    local_read_holders(store, inspection);
    inspection->on_done(inspection, STORE_OK);
}

/* Of what was counted here in an outage, too. */
void store_forget(struct store *store, struct store_inspection *inspection)
{
    inspection->was_there = memory_store_forget(
        store->memory, inspection->charge, clock_monotonic_ms());
    if (store->redis != NULL) {
        redis_store_trust_nobody(store->redis);
        redis_store_inspect(store->redis, "DEL", inspection);
        return;
    }
    inspection->on_done(inspection, STORE_OK);
}

void store_inspect_cancel(
    struct store *store, struct store_inspection *inspection)
{
    if (store->redis != NULL)
        redis_store_inspect_cancel(store->redis, inspection);
}

void store_announce_key(const char *id, char key[STORE_ANNOUNCE_KEY_SIZE])
{
    (void)snprintf(key, STORE_ANNOUNCE_KEY_SIZE, "i|%s", id);
}

void store_announce(struct store *store, const char *name)
{
    char id[STORE_ID_SIZE], key[STORE_ANNOUNCE_KEY_SIZE];
    if (store->redis == NULL)
        return;
    redis_store_id(store->redis, id);
    store_announce_key(id, key);
    redis_store_note_write(store->redis, key, name);
}

void store_serve(struct store *store, unsigned faces)
{
    if (store->redis != NULL)
        redis_store_serve(store->redis, faces);
}

bool store_reload(struct store *store, struct error *err)
{
    return store->redis == NULL || redis_store_reload(store->redis, err);
}

bool store_is_shared(const struct store *store)
{
    return store->redis != NULL;
}

void store_state(const struct store *store, struct store_state *state_r)
{
    *state_r = (struct store_state){
        .is_available = true,
        .description = "memory:",
        .tracked = memory_store_count(store->memory),
        .leases = lease_table_units(store->leases),
        .breaker = breaker_state_name(BREAKER_CLOSED),
        .instances = 1,
    };
    for (size_t i = 0; i < FACES; i++)
        state_r->serving[i] = 1;
    if (store->redis != NULL)
        redis_store_state(store->redis, state_r);
}
