/*
 * fuzz_control_call.c - any line of the control socket gets one line of JSON,
 * and a stranger changes nothing, whatever he writes.
 *
 * Stands in for the table of commands, fake_daemon.c for the daemon.
 */
#include "common/base/log.h"
#include "common/control/control_call.h"
#include "common/control/explain_question.h"
#include "common/engine/daemon.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static struct control_peer stranger = {.uid = 4294967294u};
static const struct control_rights nobody;
static const struct control_host host;
static unsigned answers, changes, overs;

static void run_show(struct control_call *call, const json_t *arguments)
{
    control_answer(call, json_deep_copy(arguments));
}

static void run_explain(struct control_call *call, const json_t *arguments)
{
    static struct explain_question question;
    const json_t *values = json_object_get(arguments, "event");
    struct error err = {{0}};

    if (!explain_question_read(&question, values, &err)) {
        FUZZ_REQUIRE(err.text[0] != '\0');
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
        return;
    }
    FUZZ_REQUIRE(question.amount > 0 && question.faces < 1u << FACES);
    control_answer(call, control_text(question.sender));
}

static void run_change(struct control_call *call, const json_t *arguments)
{
    changes++;
    control_answer(call, json_null());
}

static const struct control_command table[] = {
    {"show", CONTROL_READ, false,
        {{"key", CONTROL_TEXT, false}, {"count", CONTROL_NUMBER, false},
            {"is", CONTROL_FLAG, false}},
        run_show, ""},
    {"explain", CONTROL_READ, false, {{"event", CONTROL_TEXTS, true}},
        run_explain, ""},
    {"ban", CONTROL_CHANGE, false, {{"net", CONTROL_TEXT, true}}, run_change,
        ""},
};

const struct control_command *control_command_find(
    const struct control_host *of, const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static void on_write(void *context, const char *line, size_t len)
{
    json_t *answer;

    if (len == 1 && line[0] == '\n')
        return;
    answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_REQUIRE(memchr(line, '\n', len) == NULL);
    FUZZ_REQUIRE(json_is_boolean(json_object_get(answer, "ok")));
    json_decref(answer);
    answers++;
}

static bool has_room(void *context)
{
    return true;
}

static void on_due(void *context)
{
}

static void on_over(void *context)
{
    overs++;
}

/* Each change is a line of the log. */
static void hush(void)
{
    static bool is_quiet;
    struct error err;

    if (!is_quiet)
        is_quiet = log_open(
            "file:/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "fuzz", &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_call call = {.host = &host,
        .rights = &nobody,
        .peer = &stranger,
        .sink = {on_write, has_room, on_over, on_due, NULL}};

    hush();
    answers = changes = overs = 0;
    control_call_begin(&call, size > 0 ? (const char *)data : "", size);
    FUZZ_REQUIRE(answers == 1 && overs == 1 && changes == 0);
    FUZZ_REQUIRE(!call.is_open && call.arguments == NULL);
    return 0;
}
