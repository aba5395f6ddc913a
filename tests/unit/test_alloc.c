/*
 * test_alloc.c - allocation for the cases that libc leaves open.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

TEST(sizes_of_zero)
{
    void *memory = xcalloc(0, 8);
    assert_non_null(memory);
    memory = xrealloc(memory, 0);
    assert_non_null(memory);
    free(memory);
}

TEST(contents)
{
    char *zero = xcalloc(3, 5);
    for (size_t i = 0; i < 15; i++)
        assert_int_equal(zero[i], 0);
    zero[14] = 'x';
    zero = xrealloc(zero, 5000);
    assert_int_equal(zero[14], 'x');
    free(zero);
    char *copy = xstrdup("text");
    assert_string_equal(copy, "text");
    free(copy);
}

TEST(printf_is_never_cut)
{
    char *text = xprintf("%s%05000d", "a", 7);
    assert_int_equal(strlen(text), 5001);
    assert_int_equal(text[0], 'a');
    assert_int_equal(text[5000], '7');
    free(text);
}

RUN_TESTS(NULL, NULL)
