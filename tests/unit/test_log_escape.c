/*
 * test_log_escape.c - what becomes of bytes from strangers, in text and JSON.
 */
#include "tests/unit/unit.h"

#include "common/base/log_internal.h"

#include <iconv.h>
#include <string.h>

static const struct {
    const char *text;
    size_t len;
    size_t size;
    const char *escaped;
} escapes[] = {
    {"plain", 5, 64, "plain"},
    {"plain", 5, 6, "plain"},
    {"plain", 5, 5, "p..."},
    {"plain", 5, 4, "..."},
    {"plain", 5, 2, "."},
    {"plain", 5, 1, ""},
    {"", 0, 1, ""},
    {"a\\b\"\x7f\x80", 6, 64, "a\\\\b\"\\x7f\\x80"},
    {"a\0b", 3, 64, "a\\x00b"},
    {"\n\n\n", 3, 13, "\\x0a\\x0a\\x0a"},
    {"\n\n\n", 3, 12, "\\x0a\\x0a..."},
    {"\n\n\n", 3, 11, "\\x0a..."},
};

TEST(escape)
{
    for (size_t i = 0; i < COUNT(escapes); i++) {
        char out[64];
        assert_ptr_equal(
            log_escape(out, escapes[i].size, escapes[i].text, escapes[i].len),
            out);
        assert_string_equal(out, escapes[i].escaped);
    }
}

static const struct {
    enum log_style style;
    const char *escaped; /* of a"\ newline ä and a byte that is no UTF-8 */
} styles[] = {
    {LOG_STYLE_LINE, "a\"\\\\x0a\\xc3\\xa4\\xff"},
    {LOG_STYLE_VALUE, "a\"\\\\\\x0a\\xc3\\xa4\\xff"},
    {LOG_STYLE_QUOTED, "a\\\"\\\\\\x0a\\xc3\\xa4\\xff"},
    {LOG_STYLE_JSON, "a\\\"\\\\\\u000a\xc3\xa4\\\\xff"},
};

TEST(styles)
{
    static const char text[] = "a\"\\\n\xc3\xa4\xff";
    for (size_t i = 0; i < COUNT(styles); i++) {
        char out[64];
        size_t len = log_escape_as(
            styles[i].style, out, sizeof out, text, sizeof text - 1);
        assert_string_equal(out, styles[i].escaped);
        assert_int_equal(len, strlen(out));
    }
}

static const struct {
    const char *bytes;
    bool is_valid;
} characters[] = {
    {"\xc2\x80", true},
    {"\xe0\xa0\x80", true},
    {"\xed\x9f\xbf", true},
    {"\xee\x80\x80", true},
    {"\xf0\x90\x80\x80", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\xc1\xbf", false},         /* overlong */
    {"\xe0\x9f\xbf", false},     /* overlong */
    {"\xf0\x8f\xbf\xbf", false}, /* overlong */
    {"\xed\xa0\x80", false},     /* a surrogate */
    {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", false},
    {"\xe2\x82", false}, /* cut short */
    {"\xe2\x82x", false},
    {"\x80", false},
};

TEST(json_keeps_only_utf8)
{
    for (size_t i = 0; i < COUNT(characters); i++) {
        const char *bytes = characters[i].bytes;
        char out[64];
        log_escape_as(LOG_STYLE_JSON, out, sizeof out, bytes, strlen(bytes));
        assert_int_equal(strcmp(out, bytes) == 0, characters[i].is_valid);
    }
}

/* The inside of a JSON string by RFC 8259: no bare quote, no control byte,
 * only escapes that exist. */
static bool is_json_string(const char *at)
{
    for (; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == '"')
            return false;
        if (*at != '\\')
            continue;
        at++;
        if (*at == 'u' && strspn(at + 1, "0123456789abcdef") >= 4)
            at += 4;
        else if (*at != '"' && *at != '\\')
            return false;
    }
    return true;
}

/* By libc's own decoder, which is as strict as RFC 3629. */
static bool is_utf8(iconv_t decoder, const char *text)
{
    char *in, decoded[1024], *to = decoded;
    size_t len = strlen(text), room = sizeof decoded;
    memcpy(&in, &text, sizeof in); /* iconv's input is not const */
    iconv(decoder, NULL, NULL, NULL, NULL);
    return iconv(decoder, &in, &len, &to, &room) == 0 && len == 0;
}

/* Every size too: a cut must not split a character or an escape. */
TEST(json_for_any_bytes)
{
    uint32_t seed = 7;
    iconv_t decoder = iconv_open("UCS-4", "UTF-8");
    assert_true(decoder != (iconv_t)-1);
    for (int round = 0; round < 20000; round++) {
        char text[48], out[128];
        size_t len = (size_t)round % sizeof text;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            unsigned byte = seed >> 24;
            /* In half of the rounds no ASCII, so that characters occur. */
            text[i] = (char)(round % 2 == 0 ? byte : (byte | 0x80));
        }
        size_t size = 1 + seed % sizeof out;
        size_t written = log_escape_as(LOG_STYLE_JSON, out, size, text, len);
        assert_int_equal(written, strlen(out));
        assert_true(written < size);
        assert_true(is_json_string(out));
        assert_true(is_utf8(decoder, out));
    }
    iconv_close(decoder);
}

RUN_TESTS(NULL, NULL)
