/*
 * edict_write.c - see edict_write.h.
 *
 * With a store that does not answer nobody is told that all is well: what was
 * asked for may have been done, and may be asked for again.
 */
#include "common/control/edict_write.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/engine/daemon.h"

#include <stdlib.h>

struct edict_call {
    struct control_call *call;
    struct store *store;
    const char *what;
    struct store_edict_request request;
};

static struct store *store_of_host(const struct control_host *host)
{
    return engine_store(daemon_engine(host->daemon));
}

static struct store *store_of(const struct control_call *call)
{
    return store_of_host(control_call_host(call));
}

bool edict_write_life(
    struct control_call *call, const json_t *arguments, uint64_t *life_ms)
{
    const json_t *text = json_object_get(arguments, "duration");
    struct error err;

    *life_ms = EDICT_LIFE_MS;
    if (text == NULL)
        return true;
    if (!duration_parse(json_string_value(text), life_ms, &err)) {
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
        return false;
    }
    if (*life_ms < EDICT_LIFE_MIN_MS) {
        control_refuse(call, CONTROL_USAGE,
            "%s: too short; allowed: 1s to "
            "366d",
            json_string_value(text));
        return false;
    }
    return true;
}

json_t *edict_describe(const struct edict *edict, uint64_t left_ms)
{
    uint64_t now_ms = clock_wall_ms();

    json_t *member = json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "key",
        control_text(edict->key), "seconds",
        (json_int_t)((left_ms + 999) / 1000), "until",
        (json_int_t)((now_ms + left_ms) / 1000), "set",
        (json_int_t)((edict->set_ms != 0 ? edict->set_ms : now_ms) / 1000),
        "who", control_text(edict->who), "reason", control_text(edict->reason));

    if (edict->action[0] != '\0')
        json_object_set_new(member, "action", control_text(edict->action));
    return member;
}

/* Where the list goes on: bans come and go meanwhile. */
struct listing {
    struct control_call *call;
    struct control_list list;
    enum edict_kind kind;
    edict_add *add;
    bool has_last;
    struct edict last;
};

/* From *at on, which becomes its place. NULL: none. */
static const struct edict *first_alive(const struct edict_table *table,
    enum edict_kind kind, size_t *at, uint64_t now_ms)
{
    const struct edict *edict;

    while ((edict = edict_table_at(table, kind, *at)) != NULL &&
           edict->until_ms <= now_ms)
        (*at)++;
    return edict;
}

static json_t *member_of(const struct control_host *host,
    const struct edict *edict, uint64_t now_ms, edict_add *add)
{
    json_t *member = edict_describe(edict, edict->until_ms - now_ms);

    add(host, edict, member);
    return member;
}

static json_t *listing_next(void *state)
{
    struct listing *listing = state;
    struct edict_table *table = store_edicts(store_of(listing->call));
    uint64_t now_ms = clock_monotonic_ms();
    size_t at =
        listing->has_last ? edict_table_after(table, &listing->last) : 0;
    const struct edict *edict = first_alive(table, listing->kind, &at, now_ms);

    if (edict == NULL)
        return NULL;
    listing->last = *edict;
    listing->has_last = true;
    return member_of(
        control_call_host(listing->call), edict, now_ms, listing->add);
}

static json_t *listing_rest(void *state)
{
    struct listing *listing = state;
    struct store *store = store_of(listing->call);
    struct store_state now;

    store_state(store, &now);
    return json_pack("{s:b, s:b}", "shared", store_is_shared(store),
        "available", now.is_available);
}

void edict_list(struct control_call *call, enum edict_kind kind,
    const char *name, edict_add *add)
{
    struct listing *listing = xcalloc(1, sizeof *listing);

    listing->call = call;
    listing->kind = kind;
    listing->add = add;
    listing->list =
        (struct control_list){name, listing_next, listing_rest, free};
    control_answer_list(call, &listing->list, listing);
}

json_t *edict_some(const struct control_host *host, enum edict_kind kind,
    size_t most, edict_add *add)
{
    const struct edict_table *table = store_edicts(store_of_host(host));
    uint64_t now_ms = clock_monotonic_ms();
    json_t *items = json_array();
    const struct edict *edict;
    size_t at = 0;

    while (json_array_size(items) < most &&
           (edict = first_alive(table, kind, &at, now_ms)) != NULL) {
        json_array_append_new(items, member_of(host, edict, now_ms, add));
        at++;
    }
    return json_pack("{s:o, s:I}", "items", items, "more",
        (json_int_t)(edict_table_count(table, kind) - at));
}

static void answer(struct edict_call *edict_call)
{
    const struct store_edict_request *request = &edict_call->request;
    json_t *result = edict_describe(&request->edict, request->life_ms);

    json_object_set_new(
        result, "shared", json_boolean(store_is_shared(edict_call->store)));
    control_answer(edict_call->call, result);
}

static void on_done(
    struct store_edict_request *request, enum store_edict_result result)
{
    struct edict_call *edict_call = request->context;

    switch (result) {
    case STORE_EDICT_DONE:
        answer(edict_call);
        break;
    case STORE_EDICT_NONE:
        control_refuse(edict_call->call, CONTROL_NOT_FOUND, "%s: no such %s",
            request->edict.key, edict_call->what);
        break;
    case STORE_EDICT_KEPT:
        answer(edict_call);
        break;
    case STORE_EDICT_FULL:
        control_refuse(edict_call->call, CONTROL_FAILED,
            "there are %d bans and overrides already, which is the most; lift "
            "some, or ban wider networks",
            EDICTS_MAX);
        break;
    case STORE_EDICT_UNAVAILABLE:
        control_refuse(edict_call->call, CONTROL_STORE,
            "the store does not answer, or refuses (then the log says why); "
            "ask again");
        break;
    }
}

static void edict_call_end(void *state)
{
    struct edict_call *edict_call = state;

    store_edict_cancel(edict_call->store, &edict_call->request);
    free(edict_call);
}

/* The name of a user is another one elsewhere; hence where it was. */
static void set_who(const struct control_call *call, struct edict *edict)
{
    const struct engine *engine =
        daemon_engine(control_call_host(call)->daemon);
    char *who = xprintf("uid %ld at %s", control_call_uid(call),
        engine_config(engine)->instance_name);

    edict_set_text(edict->who, sizeof edict->who, who);
    free(who);
}

/* On memory: the successor has been told already, and of this it would not
 * hear. */
static bool is_too_late(const struct control_call *call)
{
    return !store_is_shared(store_of(call)) &&
           daemon_is_leaving(control_call_host(call)->daemon);
}

void edict_write(struct control_call *call, const struct edict *edict,
    uint64_t life_ms, const char *what)
{
    struct edict_call *edict_call;

    if (is_too_late(call)) {
        control_refuse(call, CONTROL_FAILED,
            "a successor takes this daemon's place; ask again");
        return;
    }
    edict_call = xcalloc(1, sizeof *edict_call);
    edict_call->call = call;
    edict_call->store = store_of(call);
    edict_call->what = what;
    edict_call->request.edict = *edict;
    edict_call->request.life_ms = life_ms;
    edict_call->request.on_done = on_done;
    edict_call->request.context = edict_call;
    set_who(call, &edict_call->request.edict);
    control_call_keep(call, edict_call, edict_call_end);
    store_edict_write(edict_call->store, &edict_call->request);
}
