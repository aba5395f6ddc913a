/*
 * hex.c - see hex.h. No failure.
 */
#include "common/base/hex.h"

char *hex_write(char *text, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    char *out = text;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 0xf];
    }
    *out = '\0';
    return text;
}
