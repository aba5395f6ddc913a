/*
 * error.c - writes the text of a struct error.
 *
 * Never fails: a text that is too long is cut. Formats into a buffer of its
 * own first, so that a caller may quote the old text in the new one. Control
 * bytes become '?', because the text may quote a file that strangers write.
 */
#include "common/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void error_store(struct error *err, const char *text)
{
    size_t len = strnlen(text, sizeof err->text - 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        err->text[i] = text[i];
        if (c < 0x20 || c == 0x7f)
            err->text[i] = '?';
    }
    err->text[len] = '\0';
}

bool error_set(struct error *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_store(err, len > 0 ? text : "unknown error");
    return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
    char text[2 * sizeof err->text];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof err->text, format, args);
    va_end(args);
    if (len < 0)
        return false;
    size_t at = strnlen(text, sizeof err->text);
    memcpy(text + at, err->text, strnlen(err->text, sizeof err->text - 1) + 1);
    error_store(err, text);
    return false;
}
