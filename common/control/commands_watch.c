/*
 * commands_watch.c - watch: decisions as they happen, one line each.
 *
 * Looks into the ring (engine/decision_ring.h) by a timer and formats a few
 * lines at each step, when the loop has time for it; what comes faster than
 * that, or than the peer reads, is counted and told.
 */
#include "common/control/control_command.h"

#include "common/base/alloc.h"
#include "common/engine/daemon.h"
#include "common/engine/decision_ring.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define EVERY_MS   20
#define LINES_ONCE 10 /* at each step */

struct onlooker {
    struct control_call *call;
    struct event *timer;
    struct ring_reader reader;
    uint64_t missed; /* not told yet */
};

static void onlooker_end(void *state)
{
    struct onlooker *onlooker = state;

    decision_ring_leave(&onlooker->reader);
    event_free(onlooker->timer);
    free(onlooker);
}

static void set_text(json_t *line, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_object_set_new(line, name, control_text(text));
}

static void set_number(json_t *line, const char *name, int64_t number)
{
    json_object_set_new(line, name, json_integer((json_int_t)number));
}

static json_t *describe_events(const struct ring_record *record)
{
    json_t *events = json_object();

    for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
        if (record->amount[kind] > 0)
            set_number(events, event_kind_name((enum event_kind)kind),
                record->amount[kind]);
    return events;
}

static void set_limit(json_t *line, const struct ring_record *record)
{
    if (record->postfix_limit > 0) {
        set_text(line, "limit", "main.cf");
        set_number(line, "used", record->postfix_count);
        set_number(line, "allowed", record->postfix_limit);
        return;
    }
    set_text(line, "limit", record->limit);
    set_text(line, "key", record->key);
    if (record->limit[0] != '\0') {
        set_number(line, "used", record->used);
        set_number(line, "allowed", record->allowed);
        set_number(line, "window_ms", (int64_t)record->window_ms);
    }
    if (record->retry_ms > 0)
        set_number(line, "retry_after_ms", record->retry_ms);
}

static const char *verdict_of(const struct ring_record *record)
{
    if (record->postfix_limit > 0)
        return "postfix-refuses";
    if (record->kind == VERDICT_PASS && record->would_refuse)
        return "would-refuse";
    return record->is_held ? "hold" : verdict_kind_name(record->kind);
}

/* Names and order of the log. */
static json_t *describe(const struct ring_record *record)
{
    char peer[ADDRESS_TEXT_SIZE];
    json_t *line = json_object();

    set_number(line, "time_ms", (int64_t)record->at_ms);
    set_text(line, "face", record->asker);
    set_text(line, "service", record->service);
    json_object_set_new(line, "events", describe_events(record));
    set_text(line, "client", record->client);
    if (record->peer.state == PEER_PROVEN)
        set_text(line, "peer", address_format(&record->peer.address, peer));
    if (record->peer.port != 0)
        set_number(line, "port", record->peer.port);
    set_text(line, "sasl", record->sasl);
    set_text(line, "sender", record->sender);
    set_text(line, "recipient", record->recipient);
    set_limit(line, record);
    set_text(line, "verdict", verdict_of(record));
    set_text(line, "reason", verdict_reason_name(record->reason));
    set_text(line, "instance", record->instance);
    return line;
}

static bool onlooker_step(void *state)
{
    struct onlooker *onlooker = state;

    for (size_t i = 0; i < LINES_ONCE; i++) {
        uint64_t missed;
        const struct ring_record *record =
            decision_ring_take(&onlooker->reader, &missed);
        onlooker->missed += missed;
        if (record == NULL)
            return false;
        json_t *line = describe(record);
        if (onlooker->missed > 0)
            set_number(line, "missed", (int64_t)onlooker->missed);
        if (control_stream_send(onlooker->call, line))
            onlooker->missed = 0;
    }
    return true;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct onlooker *onlooker = context;

    control_stream_wake(onlooker->call, onlooker_step);
}

static void run_watch(struct control_call *call, const json_t *arguments)
{
    const struct timeval every = {.tv_usec = EVERY_MS * 1000};
    struct daemon *daemon = control_call_host(call)->daemon;
    struct onlooker *onlooker = xcalloc(1, sizeof *onlooker);

    onlooker->call = call;
    onlooker->timer =
        event_new(daemon_base(daemon), -1, EV_PERSIST, on_timer, onlooker);
    assert(onlooker->timer != NULL);
    event_add(onlooker->timer, &every);
    decision_ring_join(engine_ring(daemon_engine(daemon)), &onlooker->reader,
        json_is_true(json_object_get(arguments, "refused")));
    control_call_keep(call, onlooker, onlooker_end);
    control_stream_begin(call, json_object());
}

const struct control_command commands_watch[] = {
    {"watch", CONTROL_READ, false, {{"refused", CONTROL_FLAG, false}},
        run_watch, "decisions as they happen"},
    {0},
};
