/*
 * commands_report.c - report: what came to each limit, of all daemons of the
 * store, hour by hour.
 *
 * What this daemon has is written first, so that its numbers are those of now;
 * of the others they are as they have written them last.
 */
#include "common/control/control_command.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/core/usage_sum.h"
#include "common/engine/daemon.h"
#include "common/engine/usages.h"

#include <stdlib.h>
#include <string.h>

#define SINCE_DEFAULT_S 86400
#define SINCE_MAX_S     (STORE_RECORD_DAYS * 86400)
#define KEYS_MAX        20 /* of a limit */
#define PERCENTILE      999

struct report_call {
    struct control_call *call;
    struct engine *engine;
    struct store_record_request request;
    struct usage_sums sums;
    size_t malformed;
};

static void report_end(void *state)
{
    struct report_call *report = state;

    store_records_cancel(engine_store(report->engine), &report->request);
    usage_sums_clear(&report->sums);
    free(report);
}

static json_t *describe_key(const struct top_row *row)
{
    char text[LIMIT_KEY_TEXT_SIZE];

    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "key",
        control_text(limit_subject_words(row->key, text)), "came",
        (json_int_t)row->least, "came_most", (json_int_t)row->most, "refused",
        (json_int_t)row->refused, "peak", (json_int_t)row->peak, "allowed",
        (json_int_t)row->allowed);
}

static const struct limit *find_limit(
    const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->limit_count; i++)
        if (strcmp(config->limits[i].name, name) == 0)
            return &config->limits[i];
    return NULL;
}

/* Null where the limit is no more. */
static void add_limit(json_t *described, const struct limit *limit)
{
    char window[DURATION_TEXT_SIZE] = "";

    if (limit != NULL && limit->kind == LIMIT_RATE)
        (void)limit_window_text(limit, limit->window_ms, window);
    json_object_set_new(described, "event",
        limit != NULL ? json_string(event_kind_name(limit->event))
                      : json_null());
    json_object_set_new(described, "allowed",
        limit != NULL ? json_integer((json_int_t)limit->n) : json_null());
    json_object_set_new(
        described, "window", window[0] != '\0' ? json_string(window) : NULL);
    json_object_set_new(described, "shadow",
        limit != NULL ? json_boolean(limit->shadow) : json_null());
}

static json_t *describe_sum(const struct config *config, struct usage_sum *sum)
{
    json_t *keys = json_array();
    uint64_t use = usage_sum_percentile(sum, PERCENTILE);

    if (use > sum->largest)
        use = sum->largest;
    usage_sum_settle(sum, KEYS_MAX);
    for (size_t i = 0; i < sum->list.count; i++)
        json_array_append_new(keys, describe_key(&sum->list.rows[i]));
    json_t *described =
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "limit",
            control_text(sum->name), "came", (json_int_t)sum->came, "refused",
            (json_int_t)sum->refused, "key_hours", (json_int_t)sum->keys,
            "peak", (json_int_t)sum->largest, "p999", (json_int_t)use,
            "suggested", (json_int_t)(2 * use), "unlisted",
            (json_int_t)sum->list.unlisted, "keys", keys);
    add_limit(described, find_limit(config, sum->name));
    return described;
}

static int compare_names(const void *a, const void *b)
{
    const struct usage_sum *const *one = a, *const *two = b;

    return strcmp((*one)->name, (*two)->name);
}

static json_t *describe(struct report_call *report)
{
    const struct config *config = engine_config(report->engine);
    struct usage_sums *sums = &report->sums;
    json_t *limits = json_array();

    if (sums->count > 0)
        qsort(sums->of, sums->count, sizeof sums->of[0], compare_names);
    for (size_t i = 0; i < sums->count; i++)
        json_array_append_new(limits, describe_sum(config, sums->of[i]));
    return json_pack("{s:o, s:I, s:b, s:b, s:b}", "limits", limits, "since",
        (json_int_t)(sums->since_hour * USAGE_HOUR_MS / 1000), "complete",
        report->malformed == 0, "kept", config->reports, "shared",
        store_is_shared(engine_store(report->engine)));
}

static void on_record(
    struct store_record_request *request, const char *text, size_t len)
{
    struct report_call *report = request->context;

    if (!usage_sums_read(&report->sums, text, len))
        report->malformed++;
}

static void on_done(
    struct store_record_request *request, enum store_status status)
{
    struct report_call *report = request->context;

    if (status != STORE_OK)
        control_refuse(report->call, CONTROL_STORE,
            "the store is away; what has come is not known now");
    else
        control_answer(report->call, describe(report));
}

static void run_report(struct control_call *call, const json_t *arguments)
{
    const json_t *since = json_object_get(arguments, "since");
    json_int_t since_s =
        since != NULL ? json_integer_value(since) : SINCE_DEFAULT_S;

    if (since_s < 1 || since_s > SINCE_MAX_S) {
        control_refuse(call, CONTROL_USAGE, "since: allowed: 1s to %dd",
            STORE_RECORD_DAYS);
        return;
    }
    struct report_call *report = xcalloc(1, sizeof *report);
    uint64_t wall_ms = clock_wall_ms();
    report->call = call;
    report->engine = daemon_engine(control_call_host(call)->daemon);
    report->sums.since_hour =
        (wall_ms - (uint64_t)since_s * 1000) / USAGE_HOUR_MS;
    report->request =
        (struct store_record_request){.since_hour = report->sums.since_hour,
            .on_record = on_record,
            .on_done = on_done,
            .context = report};
    if (engine_usages(report->engine) != NULL)
        usages_flush(
            engine_usages(report->engine), clock_monotonic_ms(), wall_ms);
    control_call_keep(call, report, report_end);
    store_records_read(engine_store(report->engine), &report->request);
}

const struct control_command commands_report[] = {
    {"report", CONTROL_READ_ALONE, false, {{"since", CONTROL_NUMBER, false}},
        run_report, "what came to each limit, and which limit would do"},
    {0},
};
