/*
 * decimal.c - writes digits from the right, then moves them to the left; reads
 * them with the bound in hand, so that nothing can overflow.
 *
 * A decision writes two dozen numbers, where printf's generality shows in the
 * profile.
 */
#include "common/base/decimal.h"

#include <string.h>

size_t decimal_write(char *out, uint64_t number)
{
    char digits[DECIMAL_MAX];
    size_t at = sizeof digits;

    if (number < 10) { /* most of them */
        *out = (char)('0' + number);
        return 1;
    }
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

bool decimal_read(const char **at, uint64_t max, uint64_t *number_r)
{
    const char *start = *at;
    uint64_t number = 0;

    for (; **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (digit > max || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *number_r = number;
    return *at > start;
}
