/* test_control_request.c - lines that are requests, and lines that are not. */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/control/control_request.h"

#include <stdlib.h>
#include <string.h>

static const struct control_command row = {.name = "try it",
    .arguments = {{"key", CONTROL_TEXT, true}, {"count", CONTROL_NUMBER, false},
        {"is", CONTROL_FLAG, false}, {"event", CONTROL_TEXTS, false}}};

static const struct {
    const char *line;
    const char *problem; /* a part of it; NULL: good */
} lines[] = {
    {"{\"command\":\"a\"}", NULL},
    {"{\"command\":\"a\",\"arguments\":{}}", NULL},
    {" { \"arguments\" : {} , \"command\" : \"a b\" } \r", NULL},
    {"", "not a JSON object"},
    {"null", "not a JSON object"},
    {"\"command\"", "not a JSON object"},
    {"[]", "not a JSON object"},
    {"{\"command\":\"a\"", "not a JSON object"},
    {"{\"command\":\"a\"} {}", "not a JSON object"},
    {"{\"command\":\"a\",\"command\":\"b\"}", "not a JSON object"},
    {"{\"command\":\"\\u0000\"}", "not a JSON object"},
    {"{\"command\":\"\xff\"}", "not a JSON object"},
    {"{}", "\"command\" is missing"},
    {"{\"command\":1}", "\"command\" is missing"},
    {"{\"command\":\"\"}", "\"command\" is missing"},
    {"{\"command\":\"0123456789012345678901234567890\"}", NULL},
    {"{\"command\":\"01234567890123456789012345678901\"}", "too long"},
    {"{\"command\":\"a\",\"arguments\":[]}", "must be an object"},
    {"{\"command\":\"a\",\"arguments\":null}", "must be an object"},
    {"{\"command\":\"a\",\"argument\":{}}", "only \"command\""},
};

TEST(lines)
{
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct control_request request;
        struct error err = {""};
        const char *line = lines[i].line;
        bool is_good =
            control_request_parse(line, strlen(line), &request, &err);
        if (lines[i].problem == NULL) {
            if (!is_good)
                print_error("%s: %s\n", line, err.text);
            assert_true(is_good);
            assert_true(json_is_object(request.arguments));
            assert_int_equal(
                request.command[0], 'a' <= request.command[0] ? 'a' : '0');
        } else {
            assert_false(is_good);
            assert_non_null(strstr(err.text, lines[i].problem));
        }
        control_request_clear(&request);
    }
}

/* The line has no end of its own. */
TEST(length_counts)
{
    struct control_request request;
    struct error err;
    const char *line = "{\"command\":\"a\"}garbage";

    assert_true(control_request_parse(line, 15, &request, &err));
    assert_string_equal(request.command, "a");
    control_request_clear(&request);
    assert_false(
        control_request_parse("{\"command\":\"a\0\"}", 16, &request, &err));
    control_request_clear(&request);
}

/* A stack that follows the nesting of a stranger's line would be his. */
TEST(deep)
{
    struct control_request request;
    struct error err;
    char *line = xcalloc(1, CONTROL_LINE_MAX);

    memset(line, '[', CONTROL_LINE_MAX);
    assert_false(control_request_parse(line, CONTROL_LINE_MAX, &request, &err));
    control_request_clear(&request);
    free(line);
}

static const struct {
    const char *arguments, *problem;
} checks[] = {
    {"{\"key\":\"x\"}", NULL},
    {"{\"key\":\"x\",\"count\":0,\"is\":true,\"event\":{\"a\":\"b\"}}", NULL},
    {"{\"key\":\"x\",\"count\":2147483647}", NULL},
    {"{}", "key is missing"},
    {"{\"key\":\"\"}", "key: must be a text"},
    {"{\"key\":7}", "key: must be a text"},
    {"{\"key\":\"x\",\"count\":-1}", "count: must be a number"},
    {"{\"key\":\"x\",\"count\":1.5}", "count: must be a number"},
    {"{\"key\":\"x\",\"count\":2147483648}", "count: must be a number"},
    {"{\"key\":\"x\",\"count\":\"1\"}", "count: must be a number"},
    {"{\"key\":\"x\",\"is\":0}", "is: must be true or false"},
    {"{\"key\":\"x\",\"event\":{\"a\":1}}", "event: must be an object"},
    {"{\"key\":\"x\",\"event\":\"a\"}", "event: must be an object"},
    {"{\"key\":\"x\",\"more\":1}", "try it has no argument \"more\""},
    {"{\"key\":\"x\",\"\":1}", "try it has no argument \"\""},
};

TEST(arguments)
{
    for (size_t i = 0; i < COUNT(checks); i++) {
        struct error err = {""};
        struct control_request request = {
            .arguments = json_loads(checks[i].arguments, 0, NULL)};
        assert_non_null(request.arguments);
        bool is_good = control_request_check(&request, &row, &err);
        if (checks[i].problem == NULL)
            assert_true(is_good);
        else
            assert_false(is_good);
        if (checks[i].problem != NULL)
            assert_non_null(strstr(err.text, checks[i].problem));
        control_request_clear(&request);
    }
}

RUN_TESTS(NULL, NULL)
