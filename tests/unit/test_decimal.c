/*
 * test_decimal.c - against printf, at all lengths.
 */
#include "common/base/decimal.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>

static void check(uint64_t number)
{
    char expected[DECIMAL_MAX + 1], text[DECIMAL_MAX + 1];
    int len = snprintf(expected, sizeof expected, "%" PRIu64, number);

    size_t written = decimal_write(text, number);
    assert_int_equal(written, len);
    assert_memory_equal(text, expected, written);
}

static void test_all_lengths(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int digits = 1; digits <= DECIMAL_MAX; digits++, power *= 10) {
        check(power - 1);
        check(power);
        check(power + 7);
    }
    check(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
