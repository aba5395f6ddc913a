/*
 * commands_top.c - top: the heaviest keys of all daemons of the store.
 *
 * This daemon's own lists as they stand, and what the others have shown within
 * the last seconds. Of the faces that see an event, the one that has seen most
 * of it is told: each sees the same mail.
 */
#include "common/control/control_command.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/daemon.h"
#include "common/engine/tops.h"

#include <stdlib.h>

#define KEYS_DEFAULT 10
#define KEYS_MAX     100

struct top_call {
    struct control_call *call;
    struct store *store;
    struct store_board_request request;
    struct top_lists lists;
    size_t keys, daemons, malformed;
    enum event_kind kind; /* EVENT_KINDS: all of them */
};

static void top_call_end(void *state)
{
    struct top_call *top = state;

    store_board_cancel(top->store, &top->request);
    top_lists_clear(&top->lists);
    free(top);
}

static json_t *describe_list(
    const struct top_list *list, enum face face, enum event_kind kind)
{
    json_t *keys = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct top_row *row = &list->rows[i];
        json_array_append_new(keys,
            json_pack("{s:o, s:I, s:I, s:I, s:o}", "key",
                control_text(row->key), "least", (json_int_t)row->least, "most",
                (json_int_t)row->most, "refused", (json_int_t)row->refused,
                "by",
                row->by[0] != '\0' ? control_text(row->by) : json_null()));
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:o}", "event",
        event_kind_name(kind), "face", face_name(face), "seconds",
        (json_int_t)(list->span_ms / 1000), "unlisted",
        (json_int_t)list->unlisted, "keys", keys);
}

static enum face busiest_face(
    const struct top_lists *lists, enum event_kind kind)
{
    enum face best = 0;

    for (unsigned face = 1; face < FACES; face++)
        if (lists->of[face][kind].total > lists->of[best][kind].total)
            best = (enum face)face;
    return best;
}

static json_t *describe(struct top_call *top)
{
    json_t *events = json_array();

    for (unsigned i = 0; i < EVENT_KINDS; i++) {
        enum event_kind kind = (enum event_kind)i;
        enum face face = busiest_face(&top->lists, kind);
        struct top_list *list = &top->lists.of[face][kind];
        if (list->count == 0 || (top->kind != EVENT_KINDS && top->kind != kind))
            continue;
        top_list_settle(list, top->keys);
        json_array_append_new(events, describe_list(list, face, kind));
    }
    return json_pack("{s:o, s:I, s:b}", "events", events, "daemons",
        1 + (json_int_t)top->daemons, "shared", store_is_shared(top->store));
}

static void on_board(
    struct store_board_request *request, const char *text, size_t len)
{
    struct top_call *top = request->context;

    top->daemons++;
    if (!top_lists_read(&top->lists, text, len))
        top->malformed++;
}

/* With a store that is away: what this daemon has itself. */
static void on_done(
    struct store_board_request *request, enum store_status status)
{
    struct top_call *top = request->context;
    json_t *result = describe(top);

    json_object_set_new(result, "complete",
        json_boolean(status == STORE_OK && top->malformed == 0));
    control_answer(top->call, result);
}

static bool read_arguments(
    struct top_call *top, struct control_call *call, const json_t *arguments)
{
    const char *event = json_string_value(json_object_get(arguments, "event"));
    const json_t *n = json_object_get(arguments, "n");

    top->kind = EVENT_KINDS;
    top->keys =
        n != NULL ? (size_t)json_integer_value(n) : (size_t)KEYS_DEFAULT;
    if (event != NULL && !event_kind_parse(event, &top->kind)) {
        control_refuse(call, CONTROL_USAGE, "%s: no such event; allowed: %s",
            event, event_kind_words());
        return false;
    }
    if (top->kind != EVENT_KINDS)
        top->kind = event_kind_cause(top->kind);
    if (top->keys >= 1 && top->keys <= KEYS_MAX)
        return true;
    control_refuse(call, CONTROL_USAGE, "n: allowed: 1 to %d", KEYS_MAX);
    return false;
}

static void run_top(struct control_call *call, const json_t *arguments)
{
    struct engine *engine = daemon_engine(control_call_host(call)->daemon);
    struct top_call *top = xcalloc(1, sizeof *top);

    if (!read_arguments(top, call, arguments)) {
        free(top);
        return;
    }
    top->call = call;
    top->store = engine_store(engine);
    top->request.on_board = on_board;
    top->request.on_done = on_done;
    top->request.context = top;
    tops_read(engine_tops(engine), &top->lists, clock_monotonic_ms());
    control_call_keep(call, top, top_call_end);
    store_board_read(top->store, &top->request);
}

const struct control_command commands_top[] = {
    {"top", CONTROL_READ_ALONE, false,
        {{"event", CONTROL_TEXT, false}, {"n", CONTROL_NUMBER, false}}, run_top,
        "who comes most, in all daemons of the store"},
    {0},
};
