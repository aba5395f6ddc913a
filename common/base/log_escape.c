/*
 * log_escape.c - makes text from strangers fit to be shown.
 *
 * A text is taken apart into units, one byte or one UTF-8 character, and each
 * is written whole or not at all, so that a cut never leaves half an escape.
 * Cannot fail.
 */
#include "common/base/log_internal.h"

#include <string.h>

#define UNIT_MAX 8 /* the longest escape: \u00XX, \\xHH */

static size_t write_hex(char *out, const char *lead, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(lead);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): more comes */
    memcpy(out, lead, len);
    out[len] = digits[byte >> 4];
    out[len + 1] = digits[byte & 0xf];
    return len + 2;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* The length of the UTF-8 character at text, 0 if it is not one (RFC 3629:
 * neither overlong, nor a surrogate, nor above U+10FFFF). */
static size_t utf8_length(const unsigned char *text, size_t left)
{
    unsigned char lead = text[0];
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    unsigned char low = 0x80, high = 0xbf;
    if (lead < 0xc2 || lead > 0xf4 || left < len)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    if (lead == 0xed)
        high = 0x9f;
    if (lead == 0xf0)
        low = 0x90;
    if (lead == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* One unit: how many bytes it takes from text, and in *len_r writes to out. */
static size_t json_unit(
    char out[UNIT_MAX], const unsigned char *text, size_t left, size_t *len_r)
{
    size_t used = 1;
    if (text[0] == '"' || text[0] == '\\') {
        out[0] = '\\';
        out[1] = (char)text[0];
        *len_r = 2;
    } else if (text[0] < 0x80) {
        out[0] = (char)text[0];
        *len_r = is_plain(text[0]) ? 1 : write_hex(out, "\\u00", text[0]);
    } else if ((used = utf8_length(text, left)) > 0) {
        memcpy(out, text, used);
        *len_r = used;
    } else {
        used = 1;
        *len_r = write_hex(out, "\\\\x", text[0]);
    }
    return used;
}

static size_t text_unit(
    enum log_style style, char out[UNIT_MAX], unsigned char byte, size_t *len_r)
{
    bool is_doubled = (byte == '\\' && style >= LOG_STYLE_VALUE) ||
                      (byte == '"' && style == LOG_STYLE_QUOTED);
    out[0] = (char)byte;
    *len_r = 1;
    if (is_doubled) {
        out[0] = '\\';
        out[1] = (char)byte;
        *len_r = 2;
    } else if (!is_plain(byte)) {
        *len_r = write_hex(out, "\\x", byte);
    }
    return 1;
}

size_t log_escape_as(
    enum log_style style, char *out, size_t size, const char *text, size_t len)
{
    static const char cut[] = "...";
    const unsigned char *in = (const unsigned char *)text;
    size_t written = 0, cut_at = 0;
    for (size_t i = 0; i < len;) {
        char unit[UNIT_MAX];
        size_t unit_len;
        i += style == LOG_STYLE_JSON
                 ? json_unit(unit, in + i, len - i, &unit_len)
                 : text_unit(style, unit, in[i], &unit_len);
        if (written + unit_len >= size) {
            written = cut_at;
            size_t room = size - 1 - cut_at;
            size_t dots = room < sizeof cut - 1 ? room : sizeof cut - 1;
            memcpy(out + written, cut, dots);
            written += dots;
            break;
        }
        memcpy(out + written, unit, unit_len);
        written += unit_len;
        if (written + sizeof cut <= size)
            cut_at = written;
    }
    out[written] = '\0';
    return written;
}

char *log_escape(char *out, size_t size, const char *text, size_t len)
{
    log_escape_as(LOG_STYLE_VALUE, out, size, text, len);
    return out;
}
