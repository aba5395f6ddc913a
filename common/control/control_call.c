/*
 * control_call.c - see control_call.h, and control_command.h for what
 * handlers call.
 *
 * Rights come before arguments: who may change nothing learns nothing from
 * how a change is refused. Every change is one line of the log, with who asked
 * for it, whatever became of it.
 */
#include "common/control/control_call.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/control/control_apart.h"
#include "common/control/control_request.h"
#include "common/engine/daemon.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *control_text(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    size_t size = 4 * strlen(text) + 4;
    char *escaped = xcalloc(1, size);
    value = json_string(log_escape(escaped, size, text, strlen(text)));
    free(escaped);
    return value;
}

const struct control_host *control_call_host(const struct control_call *call)
{
    return call->host;
}

long control_call_uid(const struct control_call *call)
{
    return call->peer != NULL ? (long)call->peer->uid : -1L;
}

void control_call_keep(
    struct control_call *call, void *state, void (*end)(void *state))
{
    assert(call->is_open && call->end == NULL);
    call->state = state;
    call->end = end;
}

static void write_line(struct control_call *call, const json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT);
    if (line == NULL)
        abort();
    call->sink.write(call->sink.context, line, strlen(line));
    call->sink.write(call->sink.context, "\n", 1);
    free(line);
}

static void log_change(const struct control_call *call, const char *result)
{
    struct log_record record;
    if (call->command == NULL || call->command->right != CONTROL_CHANGE)
        return;
    log_record_begin(&record, LOG_LEVEL_INFO, "control");
    log_record_text(&record, "command", call->command->name);
    log_record_text(&record, "arguments", call->arguments);
    log_record_number(
        &record, "uid", call->peer != NULL ? (int64_t)call->peer->uid : -1);
    log_record_number(
        &record, "pid", call->peer != NULL ? (int64_t)call->peer->pid : -1);
    log_record_text(&record, "result", result);
    log_record_end(&record);
}

/* The next of those who wait has something to do: its step. */
static void queue_leave(struct control_call *call)
{
    struct control_queue *queue = call->queue;

    if (call->held != NULL)
        TAILQ_REMOVE(&queue->waiting, call, link);
    json_decref(call->held);
    call->held = NULL;
    if (queue == NULL || queue->holder != call)
        return;
    queue->holder = TAILQ_FIRST(&queue->waiting);
    if (queue->holder == NULL)
        return;
    queue->holder->is_due = true;
    queue->holder->sink.on_due(queue->holder->sink.context);
}

/* False: another one is under way, and the call waits. */
static bool queue_enter(struct control_call *call, json_t *arguments)
{
    struct control_queue *queue = call->queue;

    if (queue == NULL || (call->command->right != CONTROL_READ_ALONE &&
                             call->command->right != CONTROL_READ_APART))
        return true;
    if (queue->holder == NULL) {
        queue->holder = call;
        return true;
    }
    call->held = json_incref(arguments);
    TAILQ_INSERT_TAIL(&queue->waiting, call, link);
    return false;
}

/* The state's end comes last of all that touches the call's own state, and
 * the sink after it: it may begin the next call. */
static void call_over(struct control_call *call, const char *result)
{
    void *state = call->state;
    void (*end)(void *) = call->end;

    log_change(call, result);
    queue_leave(call);
    free(call->arguments);
    call->arguments = NULL;
    call->command = NULL;
    call->state = NULL;
    call->end = NULL;
    call->dropped = 0;
    call->is_open = call->is_stream = call->is_due = false;
    call->step = NULL;
    if (end != NULL)
        end(state);
}

static json_t *answer_new(const struct control_call *call, bool is_ok)
{
    const struct daemon *daemon = call->host->daemon;
    struct store_state state;

    store_state(engine_store(daemon_engine(daemon)), &state);
    return json_pack("{s:b, s:s, s:o}", "ok", is_ok, "daemon",
        daemon_program(daemon), "store", control_text(state.description));
}

json_t *control_call_head(const struct control_call *call)
{
    return answer_new(call, true);
}

static void write_answer(struct control_call *call, json_t *result)
{
    json_t *answer = answer_new(call, true);
    if (answer == NULL || result == NULL ||
        json_object_set_new(answer, "result", result) != 0)
        abort();
    write_line(call, answer);
    json_decref(answer);
}

void control_answer(struct control_call *call, json_t *result)
{
    assert(call->is_open);
    write_answer(call, result);
    call_over(call, "done");
    call->sink.on_over(call->sink.context);
}

static const char *refusal_name(enum control_refusal refusal)
{
    static const char *const names[] = {
        [CONTROL_USAGE] = "usage",
        [CONTROL_UNKNOWN] = "unknown",
        [CONTROL_DENIED] = "denied",
        [CONTROL_NOT_FOUND] = "not-found",
        [CONTROL_FAILED] = "failed",
        [CONTROL_STORE] = "store",
    };
    return names[refusal];
}

static void write_refusal(
    struct control_call *call, enum control_refusal refusal, const char *text)
{
    json_t *answer = answer_new(call, false);
    if (answer == NULL ||
        json_object_set_new(answer, "error", control_text(text)) != 0 ||
        json_object_set_new(
            answer, "code", json_string(refusal_name(refusal))) != 0)
        abort();
    write_line(call, answer);
    json_decref(answer);
}

void control_refuse(struct control_call *call, enum control_refusal refusal,
    const char *format, ...)
{
    char text[1024];
    va_list arguments;

    assert(call->is_open);
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    write_refusal(call, refusal, text);
    call_over(call, text);
    call->sink.on_over(call->sink.context);
}

void control_stream_begin(struct control_call *call, json_t *result)
{
    assert(call->is_open && !call->is_stream);
    call->is_stream = true;
    write_answer(call, result);
}

bool control_stream_send(struct control_call *call, json_t *object)
{
    bool has_room = call->sink.has_room(call->sink.context);

    assert(call->is_stream);
    if (!has_room) {
        call->dropped++;
    } else {
        if (call->dropped > 0)
            json_object_set_new(
                object, "dropped", json_integer((json_int_t)call->dropped));
        call->dropped = 0;
        write_line(call, object);
    }
    json_decref(object);
    return has_room;
}

void control_call_relay(
    struct control_call *call, const char *bytes, size_t len)
{
    assert(call->is_open);
    call->sink.write(call->sink.context, bytes, len);
    call_over(call, "done");
    call->sink.on_over(call->sink.context);
}

void control_call_step_by(struct control_call *call, bool (*step)(void *state))
{
    assert(call->is_open);
    call->step = step;
    call->is_due = true;
    call->sink.on_due(call->sink.context);
}

void control_stream_wake(struct control_call *call, bool (*step)(void *state))
{
    assert(call->is_stream);
    control_call_step_by(call, step);
}

static bool may_run(
    const struct control_call *call, const struct control_command *command)
{
    return command->right != CONTROL_CHANGE ||
           (call->peer != NULL &&
               control_rights_may_change(call->rights, call->peer));
}

static void run_command(struct control_call *call, const json_t *arguments)
{
    if (call->command->right == CONTROL_READ_APART)
        control_apart_run(call, arguments);
    else
        call->command->run(call, arguments);
}

void control_call_step(struct control_call *call)
{
    json_t *held = call->held;

    assert(call->is_open && call->is_due);
    call->is_due = false;
    if (held == NULL) {
        bool is_due = call->step(call->state);
        call->is_due = call->is_open && is_due;
        return;
    }
    TAILQ_REMOVE(&call->queue->waiting, call, link);
    call->held = NULL;
    run_command(call, held);
    json_decref(held);
}

static void run(struct control_call *call, struct control_request *request)
{
    struct error err;

    call->command = control_command_find(call->host, request->command);
    if (call->command == NULL) {
        control_refuse(call, CONTROL_UNKNOWN, "%s: no such command here",
            request->command);
        return;
    }
    if (call->command->right == CONTROL_CHANGE)
        call->arguments = json_dumps(request->arguments, JSON_COMPACT);
    if (!may_run(call, call->command))
        control_refuse(call, CONTROL_DENIED,
            "%s: not permitted: it needs root, the daemon's user or a member "
            "of control_admins",
            call->command->name);
    else if (!control_request_check(request, call->command, &err))
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
    else if (queue_enter(call, request->arguments))
        run_command(call, request->arguments);
}

void control_call_begin(struct control_call *call, const char *line, size_t len)
{
    struct control_request request;
    struct error err;

    assert(!call->is_open);
    call->is_open = true;
    if (!control_request_parse(line, len, &request, &err)) {
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
        return;
    }
    run(call, &request);
    control_request_clear(&request);
}

void control_call_complain(struct control_call *call, const char *text)
{
    write_refusal(call, CONTROL_USAGE, text);
}

void control_call_cancel(struct control_call *call)
{
    if (call->is_open)
        call_over(call, "not known: the peer has left");
}
