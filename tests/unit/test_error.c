/*
 * test_error.c - the text of a start-up error: one line, cut, prefixed.
 */
#include "tests/unit/unit.h"

#include "common/base/error.h"

#include <string.h>

TEST(set_and_prefix)
{
    struct error err = {0};
    assert_false(error_set(&err, "%s is not %d", "x", 7));
    assert_string_equal(err.text, "x is not 7");
    assert_false(error_prefix(&err, "%s:%d: ", "file", 3));
    assert_string_equal(err.text, "file:3: x is not 7");
    assert_false(error_set(&err, "again: %s", err.text));
    assert_string_equal(err.text, "again: file:3: x is not 7");
}

TEST(is_one_line)
{
    struct error err;
    error_set(&err, "a\nb\r\033[1m\177%s", "\xc3\xa4");
    assert_string_equal(err.text, "a?b??[1m?\xc3\xa4");
}

TEST(is_cut)
{
    struct error err;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, "file: ");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "file: xxx", 9);
    error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_null(strstr(err.text, "file"));
}

RUN_TESTS(NULL, NULL)
