/*
 * fake_store.c - see fake_store.h.
 */
#include "tests/unit/fake_store.h"

#include "common/base/clock.h"
#include "common/store/memory_edicts.h"

#include <stdio.h>
#include <string.h>

struct fake_store fake_store;

void fake_store_reset(void)
{
    edict_table_free(&fake_store.edicts);
    memset(&fake_store, 0, sizeof fake_store);
    fake_store.instances = 1;
    fake_store.serving = 1;
}

static void answer(struct store_request *request, enum store_status status)
{
    bool is_penalty = strncmp(request->charges[0].name, "x:", 2) == 0;
    for (size_t i = 0; is_penalty && i < request->count; i++) {
        request->charges[i].refused = false;
        request->charges[i].used = fake_store.times;
    }
    for (size_t i = 0; !is_penalty && i < request->count; i++) {
        request->charges[i].refused = fake_store.refuses[i];
        request->charges[i].is_unknown = fake_store.unknown[i];
        request->charges[i].used = fake_store.used[i];
        request->charges[i].retry_ms = fake_store.retry_ms[i];
    }
    request->on_done(request, status);
}

static void keep(const struct store_request *request)
{
    fake_store.asked_count = request->count;
    memcpy(fake_store.asked, request->charges,
        request->count * sizeof *request->charges);
    for (size_t i = 0; i < request->count; i++) {
        fake_store.subjects[i] = *request->charges[i].subject;
        fake_store.asked[i].subject = &fake_store.subjects[i];
    }
}

void fake_store_answer(void)
{
    struct store_request *request = fake_store.waiting;
    fake_store.waiting = NULL;
    answer(request, fake_store.status);
}

void store_charge(struct store *store, struct store_request *request)
{
    fake_store.charges_asked++;
    keep(request);
    if (fake_store.answers_later)
        fake_store.waiting = request;
    else
        answer(request, fake_store.status);
}

void store_look(struct store *store, struct store_request *request)
{
    fake_store.looks++;
    keep(request);
    answer(request, STORE_OK);
}

void store_charge_local(struct store *store, struct store_request *request)
{
    fake_store.local_asked++;
    keep(request);
    for (size_t i = 0; i < request->count; i++)
        fake_store.refuses[i] = fake_store.is_full_here;
    answer(request, STORE_OK);
}

void store_cancel(struct store *store, struct store_request *request)
{
    if (fake_store.waiting == request) {
        fake_store.cancelled++;
        fake_store.waiting = NULL;
    }
}

void store_tell(struct store *store, const char *key, struct store_tell *tell)
{
    fake_store.tells++;
    snprintf(fake_store.told_key, sizeof fake_store.told_key, "%s", key);
    tell->told = fake_store.wait_ms == 0 ? tell->count : 0;
    tell->wait_ms =
        fake_store.wait_ms == 0 ? tell->every_ms : fake_store.wait_ms;
    tell->is_left = tell->told < tell->count;
    tell->on_done(tell, fake_store.status);
}

void store_tell_cancel(struct store *store, struct store_tell *tell)
{
}

void store_release(
    struct store *store, const struct subject *subject, const char *name)
{
    size_t len = strlen(fake_store.released);

    snprintf(fake_store.released + len, sizeof fake_store.released - len,
        "%s/%s ", subject->text, name);
}

bool store_is_shared(const struct store *store)
{
    return true;
}

void store_state(const struct store *store, struct store_state *state)
{
    *state = (struct store_state){.instances = fake_store.instances,
        .serving = {fake_store.serving, fake_store.serving, fake_store.serving},
        .breaker = "closed",
        .description = "fake"};
}

struct edict_table *store_edicts(struct store *store)
{
    if (fake_store.edicts == NULL)
        fake_store.edicts = edict_table_new();
    return fake_store.edicts;
}

static void write_edict(struct store_edict_request *order)
{
    enum store_edict_result result = STORE_EDICT_UNAVAILABLE;

    if (!fake_store.edicts_fail)
        result = memory_edicts_write(
            store_edicts(NULL), order, clock_monotonic_ms(), clock_wall_ms());
    order->on_done(order, result);
}

void fake_store_write(void)
{
    struct store_edict_request *order = fake_store.order;
    fake_store.order = NULL;
    write_edict(order);
}

void store_edict_write(struct store *store, struct store_edict_request *order)
{
    fake_store.edicts_asked++;
    if (fake_store.edicts_wait)
        fake_store.order = order;
    else
        write_edict(order);
}

void store_edict_cancel(struct store *store, struct store_edict_request *order)
{
    if (fake_store.order == order)
        fake_store.order = NULL;
}

/* Nobody reads it. */
bool store_record_keep(struct store *store, uint64_t hour, const char *name,
    const char *text, size_t len)
{
    return true;
}
