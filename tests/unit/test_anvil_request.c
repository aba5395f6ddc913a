/*
 * test_anvil_request.c - requests read attribute by attribute, answers as
 * Postfix reads them.
 */
#include "tests/unit/unit.h"

#include "policyd/anvil_request.h"

#include <stdio.h>
#include <string.h>

/* Lines as they come; what the framing would hand on. NULL: well-formed. */
static const char *read_request(struct anvil_request *request, const char *text)
{
    memset(request, 0, sizeof *request);
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *equals = memchr(line, '=', len);
        assert_non_null(equals);
        const char *reason =
            anvil_request_set(request, line, (size_t)(equals - line),
                equals + 1, (size_t)(line + len - equals) - 1);
        if (reason != NULL)
            return reason;
        line += len + 1;
    }
    return anvil_request_check(request);
}

TEST(names)
{
    static const struct {
        const char *name;
        enum anvil_request_kind kind;
    } cases[] = {
        {"connect", ANVIL_REQUEST_CONNECT},
        {"disconnect", ANVIL_REQUEST_DISCONNECT},
        {"message", ANVIL_REQUEST_MESSAGE},
        {"recipient", ANVIL_REQUEST_RECIPIENT},
        {"newtls", ANVIL_REQUEST_NEWTLS},
        {"newtls_status", ANVIL_REQUEST_NEWTLS_STATUS},
        {"newtls_report", ANVIL_REQUEST_NEWTLS_STATUS},
        {"auth", ANVIL_REQUEST_AUTH},
        {"lookup", ANVIL_REQUEST_LOOKUP},
        {"connec", ANVIL_REQUEST_UNKNOWN},
        {"connectx", ANVIL_REQUEST_UNKNOWN},
        {"Connect", ANVIL_REQUEST_UNKNOWN},
        {"", ANVIL_REQUEST_UNKNOWN},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct anvil_request request;
        char text[80];

        snprintf(text, sizeof text, "request=%s\nident=smtp:192.0.2.1\n",
            cases[i].name);
        assert_null(read_request(&request, text));
        if (request.kind != cases[i].kind)
            fail_msg("%s is taken for %d", cases[i].name, request.kind);
        assert_string_equal(request.ident, "smtp:192.0.2.1");
    }
}

TEST(attributes)
{
    static const struct {
        const char *text;
        const char *reason; /* a part of it; NULL: fine */
    } cases[] = {
        {"request=connect\nident=a:1.2.3.4\n", NULL},
        {"ident=a:1.2.3.4\nrequest=connect\n", NULL},
        {"request=connect\nnew=1\nident=a:1.2.3.4\nnew=2\n", NULL},
        {"", "no request"},
        {"ident=a:1.2.3.4\n", "no request"},
        {"request=connect\n", "no ident"},
        {"request=connect\nident=\n", "empty ident"},
        {"request=connect\nrequest=connect\nident=a:1.2.3.4\n", "two request"},
        {"request=bogus\nrequest=connect\nident=a:1.2.3.4\n", "two request"},
        {"request=connect\nident=a:1.2.3.4\nident=a:1.2.3.4\n", "two ident"},
        {"request=connect\nident=a:1.2.3.\x7f\n", "printable"},
        {"request=connect\nident=\xc3\xa9:1.2.3.4\n", "printable"},
        {"request=connect\nident=a\t:1.2.3.4\n", "printable"},
        {"requests=connect\nident=a:1.2.3.4\n", "no request"},
        {"reques=connect\nident=a:1.2.3.4\n", "no request"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct anvil_request request;
        const char *reason = read_request(&request, cases[i].text);

        if (cases[i].reason == NULL
                ? reason != NULL
                : reason == NULL || strstr(reason, cases[i].reason) == NULL)
            fail_msg("\"%s\": %s", cases[i].text,
                reason == NULL ? "well-formed" : reason);
    }
}

TEST(ident_length)
{
    struct anvil_request request = {0};
    char ident[ANVIL_IDENT_SIZE];

    memset(ident, 'x', sizeof ident);
    assert_non_null(
        anvil_request_set(&request, "ident", 5, ident, ANVIL_IDENT_SIZE));
    assert_null(
        anvil_request_set(&request, "ident", 5, ident, ANVIL_IDENT_SIZE - 1));
    assert_int_equal(strlen(request.ident), ANVIL_IDENT_SIZE - 1);
}

TEST(answers)
{
    static const struct anvil_numbers numbers = {1, 2, 3, 4, 5, 6, 7};
    static const char *const expected[ANVIL_REQUEST_KINDS] = {
        [ANVIL_REQUEST_UNKNOWN] = "status=-1\n\n",
        [ANVIL_REQUEST_CONNECT] = "status=0\ncount=1\nrate=2\n\n",
        [ANVIL_REQUEST_DISCONNECT] = "status=0\n\n",
        [ANVIL_REQUEST_MESSAGE] = "status=0\nrate=2\n\n",
        [ANVIL_REQUEST_RECIPIENT] = "status=0\nrate=2\n\n",
        [ANVIL_REQUEST_NEWTLS] = "status=0\nrate=2\n\n",
        [ANVIL_REQUEST_NEWTLS_STATUS] = "status=0\nrate=2\n\n",
        [ANVIL_REQUEST_AUTH] = "status=0\nrate=2\n\n",
        [ANVIL_REQUEST_LOOKUP] = "status=0\ncount=1\nrate=2\nmail=3\nrcpt=4\n"
                                 "newtls=5\nauth=6\ntlstr=7\n\n",
        [ANVIL_REQUEST_TLSTR] = "status=0\nrate=2\n\n",
        [ANVIL_REQUEST_ANY] = "status=0\ncount=1\nrate=2\nmail=3\nrcpt=4\n"
                              "newtls=5\nauth=6\ntlstr=7\n\n",
    };

    for (unsigned kind = 0; kind < ANVIL_REQUEST_KINDS; kind++) {
        char text[ANVIL_ANSWER_SIZE];
        size_t len = anvil_answer_format(kind, &numbers, text);
        assert_string_equal(text, expected[kind]);
        assert_int_equal(len, strlen(expected[kind]));
    }
}

/* One more would overflow Postfix's int, and pass. */
TEST(answer_is_clamped)
{
    static const struct {
        uint32_t number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {2147483646u, "2147483646"},
        {2147483647u, "2147483647"},
        {2147483648u, "2147483647"},
        {4294967295u, "2147483647"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t n = cases[i].number;
        const struct anvil_numbers numbers = {n, n, n, n, n, n, n};
        char text[ANVIL_ANSWER_SIZE], expected[ANVIL_ANSWER_SIZE];

        snprintf(expected, sizeof expected,
            "status=0\ncount=%s\nrate=%s\nmail=%s\nrcpt=%s\nnewtls=%s\n"
            "auth=%s\ntlstr=%s\n\n",
            cases[i].text, cases[i].text, cases[i].text, cases[i].text,
            cases[i].text, cases[i].text, cases[i].text);
        anvil_answer_format(ANVIL_REQUEST_LOOKUP, &numbers, text);
        assert_string_equal(text, expected);
    }
}

RUN_TESTS(NULL, NULL)
