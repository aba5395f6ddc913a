/*
 * test_anvil_event.c - what each request asks, and what each verdict answers.
 */
#include "tests/unit/unit.h"

#include "policyd/anvil_event.h"

#include <string.h>

TEST(fill)
{
    static const struct {
        enum anvil_request_kind kind;
        uint32_t amount[EVENT_KINDS];
        bool peek;
    } cases[] = {
        {ANVIL_REQUEST_CONNECT,
            {[EVENT_CONNECTION] = 1, [EVENT_CONNECTION_COUNT] = 1}, false},
        {ANVIL_REQUEST_MESSAGE, {[EVENT_MESSAGE] = 1}, false},
        {ANVIL_REQUEST_RECIPIENT, {[EVENT_RECIPIENT] = 1}, false},
        {ANVIL_REQUEST_NEWTLS, {[EVENT_TLS] = 1}, false},
        {ANVIL_REQUEST_NEWTLS_STATUS, {[EVENT_TLS] = 1}, true},
        {ANVIL_REQUEST_AUTH, {[EVENT_AUTH] = 1}, false},
        {ANVIL_REQUEST_LOOKUP,
            {[EVENT_CONNECTION] = 1,
                [EVENT_CONNECTION_COUNT] = 1,
                [EVENT_MESSAGE] = 1,
                [EVENT_RECIPIENT] = 1,
                [EVENT_TLS] = 1,
                [EVENT_AUTH] = 1},
            true},
    };
    struct anvil_ident ident;

    assert_true(anvil_ident_split("25:192.0.2.0/24", &ident));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct event event;

        memset(&event, 0xff, sizeof event);
        anvil_event_fill(cases[i].kind, &ident, &event);
        assert_memory_equal(event.amount, cases[i].amount, sizeof event.amount);
        assert_int_equal(event.peek, cases[i].peek);
        assert_int_equal(event.face, FACE_ANVIL);
        assert_string_equal(event.service, "25");
        assert_string_equal(event.client_text, "192.0.2.0/24");
        assert_int_equal(event.client.prefix_length, 24);
        assert_string_equal(event.sasl_username, "");
        assert_string_equal(event.instance, "");
        assert_int_equal(event.message_recipients, 0);
    }
}

TEST(numbers)
{
    const uint32_t most = ANVIL_NUMBER_MAX;
    const struct {
        enum anvil_request_kind kind;
        enum verdict_kind verdict;
        struct anvil_numbers numbers;
    } cases[] = {
        {ANVIL_REQUEST_CONNECT, VERDICT_PASS, {.count = 2, .rate = 1}},
        {ANVIL_REQUEST_CONNECT, VERDICT_REFUSE, {.count = most, .rate = most}},
        {ANVIL_REQUEST_CONNECT, VERDICT_DEFER, {.count = most, .rate = most}},
        {ANVIL_REQUEST_MESSAGE, VERDICT_PASS, {.rate = 3}},
        {ANVIL_REQUEST_MESSAGE, VERDICT_REFUSE, {.rate = most}},
        {ANVIL_REQUEST_RECIPIENT, VERDICT_PASS, {.rate = 4}},
        {ANVIL_REQUEST_NEWTLS, VERDICT_PASS, {.rate = 5}},
        {ANVIL_REQUEST_NEWTLS_STATUS, VERDICT_PASS, {.rate = 5}},
        {ANVIL_REQUEST_NEWTLS_STATUS, VERDICT_REFUSE, {.rate = most}},
        {ANVIL_REQUEST_AUTH, VERDICT_PASS, {.rate = 6}},
        {ANVIL_REQUEST_AUTH, VERDICT_DEFER, {.rate = most}},
        {ANVIL_REQUEST_LOOKUP, VERDICT_PASS, {2, 1, 3, 4, 5, 6, 0}},
        {ANVIL_REQUEST_LOOKUP, VERDICT_REFUSE, {2, 1, 3, 4, 5, 6, 0}},
    };
    struct verdict verdict = {
        .count = {[EVENT_CONNECTION] = 1,
            [EVENT_CONNECTION_COUNT] = 2,
            [EVENT_MESSAGE] = 3,
            [EVENT_RECIPIENT] = 4,
            [EVENT_TLS] = 5,
            [EVENT_AUTH] = 6},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char got[ANVIL_ANSWER_SIZE], expected[ANVIL_ANSWER_SIZE];

        verdict.kind = cases[i].verdict;
        struct anvil_numbers numbers =
            anvil_event_numbers(cases[i].kind, &verdict);
        anvil_answer_format(cases[i].kind, &numbers, got);
        anvil_answer_format(cases[i].kind, &cases[i].numbers, expected);
        assert_string_equal(got, expected);
    }
}

RUN_TESTS(NULL, NULL)
