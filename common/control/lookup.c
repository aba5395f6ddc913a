/*
 * lookup.c - see lookup.h.
 *
 * Neither command writes its answer by steps, so nothing is ever due. A store
 * that does not answer is one of the answers; should there be none at all, the
 * HTTP server's deadline ends the visit, and with it the call.
 */
#include "common/control/lookup.h"

#include "common/base/alloc.h"
#include "common/control/control_call.h"
#include "common/engine/daemon.h"
#include "common/net/http.h"
#include "common/net/http_request.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    struct http_visit *visit;
    struct evbuffer *body;
    struct control_rights rights; /* none */
    struct control_queue queue;
    struct control_call call;
    bool is_beginning; /* the call is on the stack */
    bool is_over;
};

/* One part, up to `end`, decoded. False: a broken %XX, or one that hides a NUL,
 * or too long. */
static bool decode(const char *from, const char *end, char *to, size_t size)
{
    size_t len = 0;
    unsigned byte;

    for (; from < end; from++) {
        char c = *from == '+' ? ' ' : *from;
        if (c == '%') {
            char digits[3] = {0};
            if (end - from < 3)
                return false;
            memcpy(digits, from + 1, 2);
            if (strspn(digits, "0123456789abcdefABCDEF") != 2)
                return false;
            byte = (unsigned)strtoul(digits, NULL, 16);
            if (byte == 0)
                return false;
            c = (char)byte;
            from += 2;
        }
        if (len + 1 >= size)
            return false;
        to[len++] = c;
    }
    to[len] = '\0';
    return true;
}

/* "name=value" into the object; empty values are as good as none. */
static bool read_pair(
    const char *pair, size_t len, json_t *values, struct error *err)
{
    char name[HTTP_QUERY_SIZE], value[HTTP_QUERY_SIZE];
    const char *equals = memchr(pair, '=', len);

    if (equals == NULL || !decode(pair, equals, name, sizeof name) ||
        !decode(equals + 1, pair + len, value, sizeof value))
        return error_set(err, "malformed; allowed: name=value&name=value");
    if (value[0] == '\0')
        return true;
    json_t *text = json_string(value);
    if (text == NULL)
        return error_set(err, "a value is no UTF-8");
    return json_object_set_new(values, name, text) == 0 ||
           error_set(err, "a name is no UTF-8");
}

static bool read_pairs(const char *query, json_t *values, struct error *err)
{
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        if (!read_pair(query, len, values, err))
            return false;
        query += len + (query[len] == '&' ? 1 : 0);
    }
    return true;
}

json_t *lookup_request(const char *query, struct error *err)
{
    json_t *values = json_object(), *request = NULL;

    if (read_pairs(query, values, err)) {
        const json_t *command = json_object_get(values, "command");
        const char *name = json_string_value(command);
        if (name != NULL && strcmp(name, "show") == 0)
            request =
                json_pack("{s:s, s:O}", "command", "show", "arguments", values);
        else if (name != NULL && strcmp(name, "explain") == 0)
            request = json_pack("{s:s, s:{s:O}}", "command", "explain",
                "arguments", "request", values);
        else
            error_set(err, "command: allowed: show, explain");
        json_object_del(values, "command");
    }
    json_decref(values);
    return request;
}

static void lookup_free(struct lookup *lookup)
{
    control_call_cancel(&lookup->call);
    evbuffer_free(lookup->body);
    free(lookup);
}

static void on_gone(void *state)
{
    lookup_free(state);
}

static void finish(struct lookup *lookup)
{
    http_answer(lookup->visit, 200, lookup->body);
    lookup_free(lookup);
}

static void on_write(void *context, const char *bytes, size_t len)
{
    struct lookup *lookup = context;

    evbuffer_add(lookup->body, bytes, len);
}

static void on_over(void *context)
{
    struct lookup *lookup = context;

    lookup->is_over = true;
    if (!lookup->is_beginning)
        finish(lookup);
}

static bool has_room(void *context)
{
    return true;
}

static void on_due(void *context)
{
}

static void refuse(struct http_visit *visit, int code, const char *text)
{
    struct evbuffer *body = evbuffer_new();
    json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", text);
    char *line = json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII);

    assert(body != NULL && line != NULL);
    evbuffer_add_printf(body, "%s\n", line);
    http_answer(visit, code, body);
    evbuffer_free(body);
    free(line);
    json_decref(answer);
}

static void begin(
    struct http_visit *visit, const struct control_host *host, const char *line)
{
    struct lookup *lookup = xcalloc(1, sizeof *lookup);

    lookup->visit = visit;
    lookup->body = evbuffer_new();
    assert(lookup->body != NULL);
    TAILQ_INIT(&lookup->queue.waiting);
    lookup->call = (struct control_call){.host = host,
        .rights = &lookup->rights,
        .sink = {on_write, has_room, on_over, on_due, lookup},
        .queue = &lookup->queue};
    http_keep(visit, lookup, on_gone);
    lookup->is_beginning = true;
    control_call_begin(&lookup->call, line, strlen(line));
    lookup->is_beginning = false;
    if (lookup->is_over)
        finish(lookup);
}

void lookup_begin(struct http_visit *visit, const char *query,
    const struct control_host *host)
{
    struct error err;

    if (!engine_config(daemon_engine(host->daemon))->http_status) {
        refuse(visit, 403, "only with http_status = true: tollgatectl show");
        return;
    }
    json_t *request = lookup_request(query, &err);
    if (request == NULL) {
        refuse(visit, 400, err.text);
        return;
    }
    char *line = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    assert(line != NULL);
    begin(visit, host, line);
    free(line);
}
