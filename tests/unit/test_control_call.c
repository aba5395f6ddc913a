/*
 * test_control_call.c - from a line to its answer, without a socket: rights,
 * refusals, commands that answer later, streams.
 *
 * Stands in for the table of commands, fake_daemon.c for the daemon.
 */
#include "tests/unit/unit.h"

#include "common/base/log.h"
#include "common/control/control_call.h"
#include "common/engine/daemon.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct control_call *waiting;
static unsigned ended, over, due;
static bool is_full;
static char written[4096];

static void on_end(void *state)
{
    assert_ptr_equal(state, &ended);
    ended++;
}

static void run_now(struct control_call *call, const json_t *arguments)
{
    control_answer(
        call, json_pack("{s:O?}", "got", json_object_get(arguments, "key")));
}

static void run_later(struct control_call *call, const json_t *arguments)
{
    waiting = call;
    control_call_keep(call, &ended, on_end);
}

static void run_stream(struct control_call *call, const json_t *arguments)
{
    run_later(call, arguments);
    control_stream_begin(call, json_object());
}

static void run_list(struct control_call *call, const json_t *arguments);

static const struct control_command table[] = {
    {"dear", CONTROL_READ_ALONE, false, {{0}}, run_later, ""},
    {"list", CONTROL_READ, false, {{0}}, run_list, ""},
    {"now", CONTROL_READ, false, {{"key", CONTROL_TEXT, false}}, run_now, ""},
    {"change", CONTROL_CHANGE, false, {{"key", CONTROL_TEXT, true}}, run_now,
        ""},
    {"later", CONTROL_READ, false, {{0}}, run_later, ""},
    {"stream", CONTROL_READ, false, {{0}}, run_stream, ""},
};

const struct control_command *control_command_find(
    const struct control_host *host, const char *name)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* The last line, without its newline. */
static void on_write(void *context, const char *bytes, size_t len)
{
    static size_t at;

    assert_true(at + len < sizeof written);
    memcpy(written + at, bytes, len);
    at += len;
    written[at] = '\0';
    if (written[at - 1] == '\n') {
        written[at - 1] = '\0';
        at = 0;
    }
}

static bool has_room(void *context)
{
    return !is_full;
}

static void on_over(void *context)
{
    over++;
}

static void on_due(void *context)
{
    due++;
}

static const struct control_host host;
static const struct control_rights nobody;
static struct control_peer root, stranger = {.uid = 12345};

static struct control_call call_of(const struct control_peer *peer)
{
    waiting = NULL;
    ended = over = due = 0;
    is_full = false;
    return (struct control_call){.host = &host,
        .rights = &nobody,
        .peer = peer,
        .sink = {on_write, has_room, on_over, on_due, NULL}};
}

static void say(struct control_call *call, const char *line)
{
    written[0] = '\0';
    control_call_begin(call, line, strlen(line));
}

#define HEAD(ok) "{\"ok\":" ok ",\"daemon\":\"tester\",\"store\":\"memory:\","

TEST(now)
{
    struct control_call call = call_of(&stranger);

    say(&call, "{\"command\":\"now\",\"arguments\":{\"key\":\"\xc3\xa4\"}}");
    assert_string_equal(
        written, HEAD("true") "\"result\":{\"got\":\"\xc3\xa4\"}}");
    assert_int_equal(over, 1);
    assert_false(call.is_open);
}

static const struct {
    bool is_root, is_known;
    const char *line, *code;
} refusals[] = {
    {true, true, "x", "\"usage\"}"},
    {true, true, "{\"command\":\"none\"}", "\"unknown\"}"},
    {true, true, "{\"command\":\"change\"}", "\"usage\"}"},
    /* who may not do it learns nothing else */
    {false, true, "{\"command\":\"change\"}", "\"denied\"}"},
    {false, false, "{\"command\":\"change\"}", "\"denied\"}"},
    {false, true, "{\"command\":\"change\",\"arguments\":{\"key\":\"a\"}}",
        "\"denied\"}"},
    {false, true, "{\"command\":\"now\",\"arguments\":{\"x\":\"a\"}}",
        "\"usage\"}"},
    {true, true, "{\"command\":\"change\",\"arguments\":{\"key\":\"a\"}}",
        NULL},
    {false, false, "{\"command\":\"now\"}", NULL},
};

TEST(refusals)
{
    if (geteuid() == stranger.uid)
        skip();
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct control_call call = call_of(refusals[i].is_root    ? &root
                                           : refusals[i].is_known ? &stranger
                                                                  : NULL);
        say(&call, refusals[i].line);
        const char *head =
            refusals[i].code != NULL ? HEAD("false") : HEAD("true");
        if (strncmp(written, head, strlen(head)) != 0)
            print_error("%s: %s\n", refusals[i].line, written);
        assert_memory_equal(written, head, strlen(head));
        if (refusals[i].code != NULL)
            assert_non_null(strstr(written, refusals[i].code));
        assert_int_equal(over, 1);
    }
}

TEST(later)
{
    struct control_call call = call_of(&stranger);

    say(&call, "{\"command\":\"later\"}");
    assert_string_equal(written, "");
    assert_true(call.is_open);
    assert_int_equal(over + ended, 0);
    control_refuse(waiting, CONTROL_STORE, "%s", "the store is \"away\"\n");
    assert_string_equal(written,
        HEAD("false") "\"error\":\"the store is \\\"away\\\"\\n\","
                      "\"code\":\"store\"}");
    assert_int_equal(over, 1);
    assert_int_equal(ended, 1);
    assert_false(call.is_open);
}

TEST(cancel)
{
    struct control_call call = call_of(&stranger);

    control_call_cancel(&call);
    assert_int_equal(ended, 0);
    say(&call, "{\"command\":\"later\"}");
    control_call_cancel(&call);
    assert_string_equal(written, "");
    assert_int_equal(ended, 1);
    assert_false(call.is_open);
}

TEST(stream)
{
    struct control_call call = call_of(&stranger);

    say(&call, "{\"command\":\"stream\"}");
    assert_string_equal(written, HEAD("true") "\"result\":{}}");
    assert_true(call.is_open);
    assert_true(control_stream_send(waiting, json_pack("{s:i}", "n", 1)));
    assert_string_equal(written, "{\"n\":1}");
    is_full = true;
    assert_false(control_stream_send(waiting, json_pack("{s:i}", "n", 2)));
    assert_false(control_stream_send(waiting, json_pack("{s:i}", "n", 3)));
    assert_string_equal(written, "{\"n\":1}");
    is_full = false;
    assert_true(control_stream_send(waiting, json_pack("{s:i}", "n", 4)));
    assert_string_equal(written, "{\"n\":4,\"dropped\":2}");
    assert_true(control_stream_send(waiting, json_pack("{s:i}", "n", 5)));
    assert_string_equal(written, "{\"n\":5}");
    control_call_cancel(&call);
    assert_int_equal(ended, 1);
}

/* Dear commands of one queue wait for one another. */
TEST(alone)
{
    static const char dear[] = "{\"command\":\"dear\"}";
    struct control_queue queue = {
        .waiting = TAILQ_HEAD_INITIALIZER(queue.waiting)};
    struct control_call calls[3];

    for (size_t i = 0; i < COUNT(calls); i++) {
        calls[i] = call_of(&stranger);
        calls[i].queue = &queue;
        say(&calls[i], dear);
        assert_ptr_equal(waiting, i == 0 ? &calls[0] : NULL);
    }
    control_call_cancel(&calls[1]);
    control_answer(&calls[0], json_null());
    assert_int_equal(due, 1);
    assert_true(calls[2].is_due);
    control_call_step(&calls[2]);
    assert_ptr_equal(waiting, &calls[2]);
    control_call_cancel(&calls[2]);
    assert_null(queue.holder);
}

static int items;

static json_t *next_item(void *state)
{
    return items < 40 ? json_integer(items++) : NULL;
}

static json_t *no_rest(void *state)
{
    return json_object();
}

static void run_list(struct control_call *call, const json_t *arguments)
{
    static const struct control_list list = {
        "items", next_item, no_rest, on_end};

    items = 0;
    control_answer_list(call, &list, &ended);
}

/* A little at each step, and one line in the end. */
TEST(list)
{
    struct control_call call = call_of(&stranger);
    size_t steps = 0;

    say(&call, "{\"command\":\"list\"}");
    assert_int_equal(items, 0);
    for (; call.is_open; steps++) {
        assert_true(call.is_due);
        control_call_step(&call);
    }
    assert_true(steps > 2);
    json_t *answer = json_loads(written, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(
                         json_object_get(answer, "result"), "items")),
        40);
    json_decref(answer);
    assert_int_equal(ended, 1);
    assert_int_equal(over, 1);
    say(&call, "{\"command\":\"list\"}");
    control_call_cancel(&call);
    assert_int_equal(ended, 2);
}

/* Bytes that are no UTF-8 must not cost the whole answer. */
TEST(text)
{
    static const char *const texts[][2] = {{"plain", "plain"}, {"", ""},
        {"\xc3\xa4", "\xc3\xa4"}, {"a\xff\\", "a\\xff\\\\"},
        {"\x01\xfe", "\\x01\\xfe"}};

    for (size_t i = 0; i < COUNT(texts); i++) {
        json_t *value = control_text(texts[i][0]);
        assert_string_equal(json_string_value(value), texts[i][1]);
        json_decref(value);
    }
}

static char log_path[] = "/tmp/test_control_call.XXXXXX";

static char *read_log(void)
{
    static char text[4096];
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

TEST(changes_are_logged)
{
    struct control_call call = call_of(&stranger);
    struct error err;
    char target[64];

    if (geteuid() == stranger.uid)
        skip();
    int fd = mkstemp(log_path);
    assert_true(fd != -1);
    close(fd);
    (void)snprintf(target, sizeof target, "file:%s", log_path);
    assert_true(
        log_open(target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "tester", &err));
    say(&call, "{\"command\":\"now\"}");
    assert_string_equal(read_log(), "");
    say(&call, "{\"command\":\"change\",\"arguments\":{\"key\":\"a\\nb\"}}");
    const char *line = read_log();
    assert_non_null(strstr(line, "control command=change"));
    assert_non_null(strstr(line, "uid=12345"));
    assert_non_null(strstr(line, "not permitted"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    call = call_of(&root);
    say(&call, "{\"command\":\"change\",\"arguments\":{\"key\":\"a\"}}");
    assert_non_null(strstr(read_log(), "uid=0 pid=0 result=done\n"));
    assert_true(
        log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "tester", &err));
    unlink(log_path);
}

RUN_TESTS(NULL, NULL)
