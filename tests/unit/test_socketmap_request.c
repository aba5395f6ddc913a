/*
 * test_socketmap_request.c - netstrings, whole, in parts and broken.
 */
#include "tests/unit/unit.h"

#include "policyd/socketmap_request.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *bytes;
    enum socketmap_result result;
    const char *key;
    size_t used;
} cases[] = {
    {"7:sni a.b,", SOCKETMAP_DONE, "a.b", 10},
    {"7:sni a.b,7:sni", SOCKETMAP_DONE, "a.b", 10},
    {"4:sni ,", SOCKETMAP_DONE, "", 7},
    {"8:sni a b ,", SOCKETMAP_DONE, "a b ", 11},
    {"7:sni a.b;", SOCKETMAP_BAD, NULL, 0},
    {"07:sni a.b,", SOCKETMAP_BAD, NULL, 0},
    {"0:,", SOCKETMAP_BAD, NULL, 0},
    {"3:sni,", SOCKETMAP_BAD, NULL, 0},
    {"2: a,", SOCKETMAP_BAD, NULL, 0},
    {":sni a,", SOCKETMAP_BAD, NULL, 0},
    {"-1:a", SOCKETMAP_BAD, NULL, 0},
    {"x", SOCKETMAP_BAD, NULL, 0},
    {"4097:", SOCKETMAP_BAD, NULL, 0},
    {"00000", SOCKETMAP_BAD, NULL, 0},
    {"99999999999999999999:", SOCKETMAP_BAD, NULL, 0},
};

TEST(requests)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct socketmap_request request;
        size_t used = 0;
        if (socketmap_request_parse(cases[i].bytes, strlen(cases[i].bytes),
                &used, &request) != cases[i].result)
            fail_msg("%s", cases[i].bytes);
        assert_true(cases[i].result != SOCKETMAP_BAD || request.reason != NULL);
        if (cases[i].result != SOCKETMAP_DONE)
            continue;
        assert_int_equal(used, cases[i].used);
        assert_int_equal(request.key_len, strlen(cases[i].key));
        assert_memory_equal(request.key, cases[i].key, request.key_len);
    }
}

/* Every part of a request wants more; the longest fits the buffer. */
TEST(parts)
{
    char bytes[SOCKETMAP_REQUEST_MAX + 1];
    struct socketmap_request request;
    size_t used;
    int head = snprintf(bytes, sizeof bytes, "%d:sni ", SOCKETMAP_TEXT_MAX);
    size_t len = (size_t)head - 4 + SOCKETMAP_TEXT_MAX + 1;
    assert_true(len <= SOCKETMAP_REQUEST_MAX);
    memset(bytes + head, 'a', len - (size_t)head);
    bytes[len - 1] = ',';
    for (size_t part = 0; part < len; part++)
        assert_int_equal(socketmap_request_parse(bytes, part, &used, &request),
            SOCKETMAP_MORE);
    assert_int_equal(
        socketmap_request_parse(bytes, len, &used, &request), SOCKETMAP_DONE);
    assert_int_equal(used, len);
}

static const struct {
    const char *key, *name; /* NULL: none */
} keys[] = {
    {"mail.example.com", "mail.example.com"},
    {"MAIL.Example.COM", "mail.example.com"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"_a.example", "_a.example"},
    {".example.com", NULL},
    {"", NULL},
    {"*.example.com", NULL},
    {"a b", NULL},
    {"a/b", NULL},
    {"b\xc3\xbc", NULL},
};

TEST(names)
{
    char name[SOCKETMAP_NAME_SIZE], longest[SOCKETMAP_NAME_SIZE + 1];
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct socketmap_request request = {
            .key = keys[i].key, .key_len = strlen(keys[i].key)};
        bool is_name = socketmap_request_name(&request, name);
        if (is_name != (keys[i].name != NULL))
            fail_msg("%s", keys[i].key);
        if (is_name)
            assert_string_equal(name, keys[i].name);
    }
    memset(longest, 'a', sizeof longest);
    struct socketmap_request request = {.key = longest, .key_len = 253};
    assert_true(socketmap_request_name(&request, name));
    request.key_len = 254;
    assert_false(socketmap_request_name(&request, name));
}

RUN_TESTS(NULL, NULL)
