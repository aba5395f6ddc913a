/*
 * commands_counters.c - show KEY, reset KEY.
 *
 * What is found is complete or refused: with a store that goes away in the
 * middle nobody is told half of it.
 */
#include "common/control/control_command.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/control/counters_walk.h"
#include "common/control/edict_write.h"
#include "common/engine/ban.h"
#include "common/engine/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct lookup {
    struct control_call *call;
    struct counter_key asked;
    struct counters_walk *walk;
    char *key; /* as asked */
    json_t *found;
};

static void lookup_end(void *state)
{
    struct lookup *lookup = state;

    counters_walk_free(&lookup->walk);
    json_decref(lookup->found);
    free(lookup->key);
    free(lookup);
}

static json_t *holders_of(const struct lookup *lookup,
    const struct store_holder *holders, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        const char *name = counters_walk_name(lookup->walk, &holders[i]);
        json_array_append_new(
            array, json_pack("{s:s, s:o, s:b, s:I}", "id", holders[i].id,
                       "name", control_text(name), "self", holders[i].is_ours,
                       "count", (json_int_t)holders[i].count));
    }
    return array;
}

static const char *window_name(const struct charge *charge)
{
    static const char *const names[] = {[CHARGE_SLIDING] = "sliding",
        [CHARGE_FIXED] = "fixed",
        [CHARGE_LEASE] = "open",
        [CHARGE_DISTINCT] = "sliding",
        [CHARGE_DISTINCT_FIXED] = "fixed"};

    return names[charge->kind];
}

/* allowed and limit are null where Postfix decides, by what it is told; allowed
 * where an override has lifted the limit, too. */
static json_t *counter_of(const struct counter *counter)
{
    const struct limit *limit = counter->limit;
    const struct charge *charge = &counter->charge;
    enum face face = limit != NULL ? limit->at : FACE_ANVIL;
    bool is_blocked = counter->blocked_until_ms > 0;
    uint64_t now_ms = clock_monotonic_ms();
    json_int_t retry_ms = charge->retry_ms > 0 ? charge->retry_ms : 0;

    if (is_blocked)
        retry_ms = (json_int_t)(counter->blocked_until_ms > now_ms
                                    ? counter->blocked_until_ms - now_ms
                                    : 0);

    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:s, s:I, s:o, s:I, s:b, s:I, "
                     "s:b, s:b}",
        "limit", limit != NULL ? control_text(limit->name) : json_null(),
        "event", event_kind_name(counter->kind), "at", face_name(face),
        "service", control_text(counter->service), "key",
        control_text(counter->subject.text), "window", window_name(charge),
        "used", (json_int_t)charge->used, "allowed",
        counter->allowed > 0 || is_blocked
            ? json_integer((json_int_t)counter->allowed)
            : json_null(),
        "window_ms", (json_int_t)charge->window_ms, "refuses",
        charge->refused || is_blocked, "retry_after_ms", retry_ms, "shadow",
        charge->shadow, "overridden", counter->is_overridden);
}

/* What is left of the period, and until when. */
static void add_period(json_t *found, const struct counter *counter)
{
    struct calendar *calendar = counter->limit->calendar;
    int64_t now_ms = (int64_t)clock_wall_ms();
    int64_t left_ms = calendar_left_ms(calendar, now_ms);
    int32_t offset = calendar_end_offset(calendar, now_ms / 1000);
    time_t local = (now_ms + left_ms) / 1000 + offset;
    struct tm end;
    char text[64];

    (void)gmtime_r(&local, &end);
    (void)snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d %+03d%02d",
        end.tm_year + 1900, end.tm_mon + 1, end.tm_mday, end.tm_hour,
        end.tm_min, (int)offset / 3600, abs((int)offset) / 60 % 60);
    json_object_set_new(found, "window", json_string("calendar"));
    json_object_set_new(found, "window_ms",
        json_integer((json_int_t)counter->limit->window_ms));
    json_object_set_new(
        found, "per", json_string(rate_unit_name(calendar_unit(calendar))));
    json_object_set_new(found, "resets_at", json_string(text));
    json_object_set_new(found, "resets_in_ms", json_integer(left_ms));
    if (counter->charge.retry_ms > 0 && counter->blocked_until_ms == 0)
        json_object_set_new(found, "retry_after_ms", json_integer(left_ms));
}

static void on_counter(void *context, const struct counter *counter,
    const struct store_holder *holders, size_t count)
{
    struct lookup *lookup = context;
    json_t *found = counter_of(counter);
    uint32_t used = counter->charge.used;

    if (counter->allowed > 0)
        json_object_set_new(found, "left",
            json_integer(
                counter->allowed > used ? counter->allowed - used : 0));
    if (counter->limit != NULL && counter->limit->calendar != NULL)
        add_period(found, counter);
    if (counter->charge.kind == CHARGE_LEASE)
        json_object_set_new(
            found, "holders", holders_of(lookup, holders, count));
    json_array_append_new(lookup->found, found);
}

static void on_forgotten(void *context, const struct counter *counter,
    const struct store_holder *holders, size_t count)
{
    struct lookup *lookup = context;
    const struct limit *limit = counter->limit;

    json_array_append_new(lookup->found,
        json_pack("{s:o, s:s, s:o}", "limit",
            limit != NULL ? control_text(limit->name) : json_null(), "event",
            event_kind_name(counter->kind), "key",
            control_text(counter->subject.text)));
}

static void refuse(struct lookup *lookup, enum store_status status)
{
    if (status != STORE_OK)
        control_refuse(lookup->call, CONTROL_STORE,
            "the store is away; what it counts is not known now");
    else
        control_refuse(lookup->call, CONTROL_NOT_FOUND,
            "%s: nothing is counted for it now", lookup->key);
}

static void on_end(void *context, enum store_status status)
{
    struct lookup *lookup = context;

    if (status != STORE_OK || json_array_size(lookup->found) == 0)
        refuse(lookup, status);
    else
        control_answer(lookup->call,
            json_pack("{s:o, s:O}", "key", control_text(lookup->key),
                "counters", lookup->found));
}

static struct engine *engine_of(const struct lookup *lookup)
{
    return daemon_engine(control_call_host(lookup->call)->daemon);
}

static const struct edict *ban_of_key(
    struct engine *engine, const struct counter_key *asked)
{
    const struct config *config = engine_config(engine);
    const struct event event = counter_key_event(asked);

    if (asked->part != KEY_CLIENT)
        return ban_of_name(engine, config, &event);
    return asked->is_unproxied || ban_is_void(engine, config, &asked->client)
               ? NULL
               : ban_of(engine, &asked->client);
}

/* Null: there is none that is obeyed. */
static json_t *ban_that_holds(const struct lookup *lookup)
{
    uint64_t now_ms = clock_monotonic_ms();
    const struct edict *ban = ban_of_key(engine_of(lookup), &lookup->asked);

    if (ban == NULL || ban->until_ms <= now_ms)
        return json_null();
    return edict_describe(ban, ban->until_ms - now_ms);
}

static bool is_exempt(const struct lookup *lookup)
{
    const struct cidr_list *exempt =
        &engine_config(engine_of(lookup))->exempt_clients;
    const struct counter_key *asked = &lookup->asked;

    return asked->part == KEY_CLIENT && !asked->is_unproxied &&
           cidr_list_contains_net(exempt, &asked->client);
}

/* Who is banned is not counted, and still the answer that was looked for. */
static void on_shown(void *context, enum store_status status)
{
    struct lookup *lookup = context;
    json_t *ban = ban_that_holds(lookup);

    if (status != STORE_OK ||
        (json_array_size(lookup->found) == 0 && json_is_null(ban))) {
        json_decref(ban);
        refuse(lookup, status);
        return;
    }
    control_answer(
        lookup->call, json_pack("{s:o, s:O, s:o, s:b}", "key",
                          control_text(lookup->key), "counters", lookup->found,
                          "ban", ban, "exempt", is_exempt(lookup)));
}

static struct lookup *lookup_new(struct control_call *call,
    const json_t *arguments, const struct counters_events *events)
{
    const char *text = json_string_value(json_object_get(arguments, "key"));
    struct counters_events own = *events;
    struct counter_key key;
    struct error err;

    if (!counter_key_parse(text, &key, &err)) {
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
        return NULL;
    }
    struct lookup *lookup = xcalloc(1, sizeof *lookup);
    lookup->call = call;
    lookup->asked = key;
    lookup->key = xstrdup(text);
    lookup->found = json_array();
    own.context = lookup;
    lookup->walk = counters_walk_new(
        daemon_engine(control_call_host(call)->daemon), &key, &own);
    control_call_keep(call, lookup, lookup_end);
    return lookup;
}

static void run_show(struct control_call *call, const json_t *arguments)
{
    static const struct counters_events events = {on_counter, on_shown, NULL};
    struct lookup *lookup = lookup_new(call, arguments, &events);

    if (lookup != NULL)
        counters_walk_show(lookup->walk);
}

static void run_reset(struct control_call *call, const json_t *arguments)
{
    static const struct counters_events events = {on_forgotten, on_end, NULL};
    struct lookup *lookup = lookup_new(call, arguments, &events);

    if (lookup != NULL)
        counters_walk_forget(lookup->walk);
}

const struct control_command commands_counters[] = {
    {"show", CONTROL_READ, false, {{"key", CONTROL_TEXT, true}}, run_show,
        "every counter of a client, sasl:USER, sender:ADDRESS"},
    {"reset", CONTROL_CHANGE, false, {{"key", CONTROL_TEXT, true}}, run_reset,
        "let its counters begin anew; what is open stays counted"},
    {0},
};
