/*
 * test_decimal.c - against printf, at all lengths; and at the bounds.
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

TEST(all_lengths)
{
    uint64_t power = 1;
    for (int digits = 1; digits <= DECIMAL_MAX; digits++, power *= 10) {
        check(power - 1);
        check(power);
        check(power + 7);
    }
    check(UINT64_MAX);
}

TEST(reading)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool is_good;
        uint64_t number;
        const char *rest;
    } cases[] = {
        {"0", 0, true, 0, ""},
        {"1", 0, false, 0, NULL},
        {"9", 8, false, 0, NULL},
        {"0042x", 42, true, 42, "x"},
        {"43", 42, false, 0, NULL},
        {"100", 42, false, 0, NULL},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX, ""},
        {"18446744073709551616", UINT64_MAX, false, 0, NULL},
        {"99999999999999999999", UINT64_MAX, false, 0, NULL},
        {"", 9, false, 0, NULL},
        {"-1", 9, false, 0, NULL},
        {"+1", 9, false, 0, NULL},
        {" 1", 9, false, 0, NULL},
        {"x", 9, false, 0, NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *at = cases[i].text;
        uint64_t number;
        if (decimal_read(&at, cases[i].max, &number) != cases[i].is_good)
            fail_msg("\"%s\"", cases[i].text);
        if (!cases[i].is_good)
            continue;
        assert_int_equal(number, cases[i].number);
        assert_string_equal(at, cases[i].rest);
    }
}

RUN_TESTS(NULL, NULL)
