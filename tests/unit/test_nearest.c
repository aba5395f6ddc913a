/*
 * test_nearest.c - which word was meant.
 */
#include "tests/unit/unit.h"

#include "common/base/nearest.h"

#include <string.h>

static const char *meant(const char *typed)
{
    static const char *const words[] = {
        "store", "store_prefix", "log", "log_level", "user", "postfix_user"};
    struct nearest nearest;

    nearest_begin(&nearest, typed);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        nearest_try(&nearest, words[i]);
    const char *word = nearest_word(&nearest);
    return word == NULL ? "" : word;
}

TEST(a_slip_is_seen)
{
    assert_string_equal(meant("stor"), "store");
    assert_string_equal(meant("sotre"), "store");
    assert_string_equal(meant("storee"), "store");
    assert_string_equal(meant("lgo"), "log");
    assert_string_equal(meant("loglevel"), "log_level");
    assert_string_equal(meant("postfix-user"), "postfix_user");
    assert_string_equal(meant("store"), "store");
}

TEST(another_word_is_not)
{
    char longest[200];

    assert_string_equal(meant(""), "");
    assert_string_equal(meant("x"), "");
    assert_string_equal(meant("hello"), "");
    assert_string_equal(meant("port"), "");
    memset(longest, 's', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(meant(longest), "");
}

RUN_TESTS(NULL, NULL)
