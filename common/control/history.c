/*
 * history.c - see history.h.
 */
#include "common/control/history.h"

#include "common/engine/metrics.h"

#define LOOKS (HISTORY_MINUTES + 1)

struct history_totals history_totals_of(const struct metrics *metrics)
{
    struct history_totals totals = {
        .trip_us = metrics->store_round_trip_sum_us,
        .without_store = metrics->store_unavailable,
    };

    for (size_t face = 0; face < FACES; face++)
        for (size_t kind = 0; kind < METRICS_VERDICTS; kind++)
            for (size_t reason = 0; reason < REASONS; reason++) {
                uint64_t count = metrics->decisions[face][kind][reason];
                totals.decisions += count;
                totals.refused += kind != VERDICT_PASS ? count : 0;
            }
    for (size_t i = 0; i <= METRICS_BUCKETS; i++)
        totals.trips += metrics->store_round_trip[i];
    return totals;
}

void history_look(struct history *history, const struct history_totals *totals,
    uint64_t now_ms)
{
    history->looks[history->count++ % LOOKS] = *totals;
    history->last_ms = now_ms;
}

static void add(json_t *lists, const char *name, json_t *value)
{
    json_array_append_new(json_object_get(lists, name), value);
}

static void add_minute(json_t *lists, const struct history_totals *from,
    const struct history_totals *to)
{
    uint64_t trips = to->trips - from->trips;

    add(lists, "decisions",
        json_integer((json_int_t)(to->decisions - from->decisions)));
    add(lists, "refused",
        json_integer((json_int_t)(to->refused - from->refused)));
    add(lists, "store_us",
        trips == 0 ? json_null()
                   : json_integer(
                         (json_int_t)((to->trip_us - from->trip_us) / trips)));
    add(lists, "without_store",
        json_integer((json_int_t)(to->without_store - from->without_store)));
}

json_t *history_describe(const struct history *history,
    const struct history_totals *now, uint64_t now_ms)
{
    json_t *lists = json_pack("{s:I, s:[], s:[], s:[], s:[]}", "running_s",
        (json_int_t)((now_ms - history->last_ms) / 1000), "decisions",
        "refused", "store_us", "without_store");
    uint64_t first =
        history->count > HISTORY_MINUTES ? history->count - HISTORY_MINUTES : 0;

    for (uint64_t i = first; i < history->count; i++)
        add_minute(lists, &history->looks[i % LOOKS],
            i + 1 < history->count ? &history->looks[(i + 1) % LOOKS] : now);
    return lists;
}
