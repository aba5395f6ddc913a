/*
 * counters_walk.c - see counters_walk.h.
 *
 * The store may answer at once or later, so each answer sets the next step and
 * a loop takes it: no recursion, however many counters there are.
 */
#include "common/control/counters_walk.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum step {
    STEP_PEEK,
    STEP_HOLDERS,
    STEP_NAME, /* of one holder after the other */
    STEP_FORGET,
    STEP_END,
};

struct counters_walk {
    struct store *store;
    struct config *config;
    struct counters_events events;
    enum step step;
    enum store_status status;
    bool is_running, goes_on;
    size_t at, holder;
    struct store_request request;
    struct store_inspection inspection;
    struct store_recall recall;
    char names[STORE_HOLDERS_MAX][STORE_NOTE_SIZE];
    struct counters counters;
};

static void walk_go(struct counters_walk *walk);

/* The next counter; first: what is asked about each. */
static void next_counter(struct counters_walk *walk, enum step first)
{
    walk->at++;
    walk->step = walk->at < walk->counters.count ? first : STEP_END;
}

static void report(struct counters_walk *walk)
{
    walk->events.on_counter(walk->events.context,
        &walk->counters.items[walk->at], walk->inspection.holders,
        walk->inspection.holder_count);
}

static bool has_failed(struct counters_walk *walk, enum store_status status)
{
    if (status == STORE_OK)
        return false;
    walk->status = status;
    walk->step = STEP_END;
    walk_go(walk);
    return true;
}

/* What is left of it is worth knowing before anything was used. */
static bool is_quota(const struct counter *counter)
{
    return counter->limit != NULL && counter->limit->calendar != NULL;
}

static void on_peeked(struct store_request *request, enum store_status status)
{
    struct counters_walk *walk = request->context;
    const struct counter *counter = &walk->counters.items[walk->at];
    const struct charge *charge = &counter->charge;

    if (has_failed(walk, status))
        return;
    walk->inspection.holder_count = 0;
    if (charge->used > 0 && charge->kind == CHARGE_LEASE) {
        walk->step = STEP_HOLDERS;
    } else {
        if (charge->used > 0 || is_quota(counter))
            report(walk);
        next_counter(walk, STEP_PEEK);
    }
    walk_go(walk);
}

/* The rest have not renewed in time. */
static void drop_silent_holders(struct counters_walk *walk)
{
    uint32_t used = walk->counters.items[walk->at].charge.used, sum = 0;
    size_t count = 0;

    while (count < walk->inspection.holder_count && sum < used)
        sum += walk->inspection.holders[count++].count;
    walk->inspection.holder_count = count;
}

static void next_name(struct counters_walk *walk)
{
    walk->holder++;
    if (walk->holder < walk->inspection.holder_count &&
        store_is_shared(walk->store)) {
        walk->step = STEP_NAME;
        return;
    }
    report(walk);
    next_counter(walk, STEP_PEEK);
}

static void on_name(struct store_recall *recall, enum store_status status)
{
    struct counters_walk *walk = recall->context;

    if (has_failed(walk, status))
        return;
    memcpy(walk->names[walk->holder], recall->value, STORE_NOTE_SIZE);
    next_name(walk);
    walk_go(walk);
}

static void on_holders(
    struct store_inspection *inspection, enum store_status status)
{
    struct counters_walk *walk = inspection->context;

    if (has_failed(walk, status))
        return;
    drop_silent_holders(walk);
    memset(walk->names, 0, sizeof walk->names);
    walk->holder = (size_t)-1;
    next_name(walk);
    walk_go(walk);
}

static void on_forgotten(
    struct store_inspection *inspection, enum store_status status)
{
    struct counters_walk *walk = inspection->context;

    if (has_failed(walk, status))
        return;
    inspection->holder_count = 0;
    if (inspection->was_there)
        report(walk);
    next_counter(walk, STEP_FORGET);
    walk_go(walk);
}

static void peek(struct counters_walk *walk)
{
    walk->request.charges = &walk->counters.items[walk->at].charge;
    walk->request.count = 1;
    walk->request.peek = true;
    walk->request.on_done = on_peeked;
    walk->request.context = walk;
    store_charge(walk->store, &walk->request);
}

static void inspect(struct counters_walk *walk,
    void (*verb)(struct store *, struct store_inspection *),
    void (*on_done)(struct store_inspection *, enum store_status))
{
    walk->inspection.charge = &walk->counters.items[walk->at].charge;
    walk->inspection.was_there = false;
    walk->inspection.on_done = on_done;
    walk->inspection.context = walk;
    verb(walk->store, &walk->inspection);
}

static void ask_name(struct counters_walk *walk)
{
    char key[STORE_ANNOUNCE_KEY_SIZE];

    store_announce_key(walk->inspection.holders[walk->holder].id, key);
    walk->recall.on_done = on_name;
    walk->recall.context = walk;
    store_note_read(walk->store, key, &walk->recall);
}

/* What is open stays open: a lease is no counter that could begin anew. */
static void forget(struct counters_walk *walk)
{
    if (walk->counters.items[walk->at].charge.kind == CHARGE_LEASE) {
        next_counter(walk, STEP_FORGET);
        walk_go(walk);
        return;
    }
    inspect(walk, store_forget, on_forgotten);
}

static void take_step(struct counters_walk *walk)
{
    switch (walk->step) {
    case STEP_PEEK:
        peek(walk);
        break;
    case STEP_HOLDERS:
        inspect(walk, store_read_holders, on_holders);
        break;
    case STEP_NAME:
        ask_name(walk);
        break;
    case STEP_FORGET:
        forget(walk);
        break;
    case STEP_END:
        break;
    }
}

static void walk_go(struct counters_walk *walk)
{
    walk->goes_on = true;
    if (walk->is_running)
        return;
    walk->is_running = true;
    while (walk->goes_on && walk->step != STEP_END) {
        walk->goes_on = false;
        take_step(walk);
    }
    walk->is_running = false;
    /* The last thing to do with it: the walk may be freed there. */
    if (walk->goes_on)
        walk->events.on_end(walk->events.context, walk->status);
}

struct counters_walk *counters_walk_new(struct engine *engine,
    const struct counter_key *key, const struct counters_events *events)
{
    struct counters_walk *walk = xcalloc(1, sizeof *walk);
    const char *titles[ENGINE_SERVICES_MAX];
    size_t count = engine_services(engine, titles);

    walk->store = engine_store(engine);
    walk->config = config_ref(engine_config(engine));
    walk->events = *events;
    counters_list(&walk->counters, walk->config, key, titles, count);
    counters_override(&walk->counters, store_edicts(walk->store));
    return walk;
}

static void begin(struct counters_walk *walk, enum step first)
{
    walk->step = walk->counters.count > 0 ? first : STEP_END;
    walk_go(walk);
}

void counters_walk_show(struct counters_walk *walk)
{
    begin(walk, STEP_PEEK);
}

void counters_walk_forget(struct counters_walk *walk)
{
    begin(walk, STEP_FORGET);
}

void counters_walk_free(struct counters_walk **walk)
{
    struct counters_walk *old = *walk;

    if (old == NULL)
        return;
    store_cancel(old->store, &old->request);
    store_inspect_cancel(old->store, &old->inspection);
    store_recall_cancel(old->store, &old->recall);
    config_unref(&old->config);
    free(old);
    *walk = NULL;
}

const char *counters_walk_name(
    const struct counters_walk *walk, const struct store_holder *holder)
{
    return walk->names[holder - walk->inspection.holders];
}
