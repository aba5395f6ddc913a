/*
 * fleet.c - see fleet.h.
 *
 * Two steps: who holds the lease of the living, then each holder's name, one
 * after the other. A store that goes away in between ends the look; the last
 * whole answer stays.
 */
#include "common/control/fleet.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/control/control_command.h"
#include "common/engine/daemon.h"
#include "common/store/store_inspect.h"

#include <stdlib.h>

struct fleet {
    struct store *store;
    struct charge lease;
    struct store_inspection inspection;
    struct store_recall recall;
    size_t at; /* the holder whose name is asked for */
    bool is_asking;
    uint64_t asked_ms; /* 0: never */
    json_t *found;     /* while asking */
    json_t *known;     /* NULL: nothing yet */
};

static void ask_name(struct fleet *);

static void finish(struct fleet *fleet, enum store_status status)
{
    fleet->is_asking = false;
    if (status == STORE_OK) {
        json_decref(fleet->known);
        fleet->known = json_incref(fleet->found);
    }
    json_decref(fleet->found);
    fleet->found = NULL;
}

static void on_name(struct store_recall *recall, enum store_status status)
{
    struct fleet *fleet = recall->context;
    const struct store_holder *holder = &fleet->inspection.holders[fleet->at];

    if (status != STORE_OK) {
        finish(fleet, status);
        return;
    }
    json_array_append_new(fleet->found,
        json_pack("{s:o, s:b}", "name",
            control_text(recall->value[0] != '\0' ? recall->value : holder->id),
            "self", holder->is_ours));
    fleet->at++;
    ask_name(fleet);
}

static void ask_name(struct fleet *fleet)
{
    char key[STORE_ANNOUNCE_KEY_SIZE];

    if (fleet->at == fleet->inspection.holder_count) {
        finish(fleet, STORE_OK);
        return;
    }
    store_announce_key(fleet->inspection.holders[fleet->at].id, key);
    store_note_read(fleet->store, key, &fleet->recall);
}

/* The daemons that have gone without a farewell are the last. */
static void on_holders(
    struct store_inspection *inspection, enum store_status status)
{
    struct fleet *fleet = inspection->context;
    struct store_state state;

    if (status != STORE_OK) {
        finish(fleet, status);
        return;
    }
    store_state(fleet->store, &state);
    if (inspection->holder_count > state.instances)
        inspection->holder_count = state.instances;
    ask_name(fleet);
}

static void ask(struct fleet *fleet, uint64_t now_ms)
{
    fleet->asked_ms = now_ms;
    fleet->is_asking = true;
    fleet->at = 0;
    fleet->found = json_array();
    store_read_holders(fleet->store, &fleet->inspection);
}

struct fleet *fleet_new(struct daemon *daemon)
{
    struct fleet *fleet = xcalloc(1, sizeof *fleet);

    fleet->store = engine_store(daemon_engine(daemon));
    fleet->lease = (struct charge){
        .kind = CHARGE_LEASE, .subject = &store_daemons, .name = ""};
    fleet->inspection.charge = &fleet->lease;
    fleet->inspection.on_done = on_holders;
    fleet->inspection.context = fleet;
    fleet->recall.on_done = on_name;
    fleet->recall.context = fleet;
    return fleet;
}

void fleet_free(struct fleet **fleet_p)
{
    struct fleet *fleet = *fleet_p;

    if (fleet == NULL)
        return;
    store_inspect_cancel(fleet->store, &fleet->inspection);
    store_recall_cancel(fleet->store, &fleet->recall);
    json_decref(fleet->found);
    json_decref(fleet->known);
    free(fleet);
    *fleet_p = NULL;
}

json_t *fleet_describe(struct fleet *fleet)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (!store_is_shared(fleet->store))
        return json_null();
    if (!fleet->is_asking &&
        (fleet->asked_ms == 0 || now_ms >= fleet->asked_ms + FLEET_EVERY_MS))
        ask(fleet, now_ms);
    return fleet->known != NULL ? json_incref(fleet->known) : json_null();
}
