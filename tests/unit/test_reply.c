/*
 * test_reply.c - an action taken apart for libmilter.
 */
#include "tests/unit/unit.h"

#include "milter/reply.h"

#include <string.h>

static const struct {
    const char *action, *code, *xcode, *text;
} cases[] = {
    {"450 4.7.1 Error: too much mail", "450", "4.7.1", "Error: too much mail"},
    {"421 4.7.0 x", "421", "4.7.0", "x"},
    {"550 5.7.123 no", "550", "5.7.123", "no"},
    {"450 later", "450", "", "later"},
    {"450  4.7.1  later", "450", "4.7.1", "later"},
    {"450 5.7.1 of another class", "450", "", "5.7.1 of another class"},
    {"450 4.7.1234 too long", "450", "", "4.7.1234 too long"},
    {"450 4.7. nothing", "450", "", "4.7. nothing"},
    {"450 4.7.1", "450", "4.7.1", ""},
    {"450 4.7.1x not a code", "450", "", "4.7.1x not a code"},
    {"450 100 % sure %s", "450", "", "100 %% sure %%s"},
    {"450", "450", "", ""},
    {"REJECT go away", "554", "5.7.1", "go away"},
    {"reject", "554", "5.7.1", "Error: access denied"},
    {"DEFER later", "450", "4.7.1", "later"},
    {"DEFER_IF_PERMIT  100 % later", "450", "4.7.1", "100 %% later"},
    {"Defer_If_Reject ", "450", "4.7.1", "Error: access denied"},
};

TEST(split)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply;
        reply_split(cases[i].action, &reply);
        assert_string_equal(reply.code, cases[i].code);
        assert_string_equal(reply.xcode, cases[i].xcode);
        assert_string_equal(reply.text, cases[i].text);
    }
}

/* The longest action there is, all of it doubled. */
TEST(longest)
{
    char action[VERDICT_ACTION_SIZE];
    struct reply reply;

    memset(action, '%', sizeof action - 1);
    action[sizeof action - 1] = '\0';
    memcpy(action, "450 ", 4);
    reply_split(action, &reply);
    assert_int_equal(strlen(reply.text), 2 * (sizeof action - 1 - 4));
}

RUN_TESTS(NULL, NULL)
