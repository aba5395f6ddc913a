/*
 * percent.c - see percent.h.
 */
#include "common/base/percent.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool percent_decode(char *text)
{
    char *out = text;
    while (*text != '\0') {
        if (*text != '%') {
            *out++ = *text++;
            continue;
        }
        int high = hex_value(text[1]);
        int low = high < 0 ? -1 : hex_value(text[2]);
        if (low < 0 || high * 16 + low == 0)
            return false;
        *out++ = (char)(high * 16 + low);
        text += 3;
    }
    *out = '\0';
    return true;
}
