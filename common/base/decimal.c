/*
 * decimal.c - digits from the right, then moved to the left. No failure.
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
