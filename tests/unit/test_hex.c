/* test_hex.c - bytes as digits. */
#include "tests/unit/unit.h"

#include "common/base/hex.h"

#include <string.h>

TEST(bytes)
{
    const unsigned char bytes[] = {0x00, 0x09, 0xaf, 0xff};
    char text[2 * sizeof bytes + 2];

    memset(text, 'x', sizeof text);
    assert_ptr_equal(hex_write(text, bytes, sizeof bytes), text);
    assert_string_equal(text, "0009afff");
    assert_int_equal(text[sizeof text - 1], 'x');
    assert_string_equal(hex_write(text, bytes, 0), "");
}

RUN_TESTS(NULL, NULL)
