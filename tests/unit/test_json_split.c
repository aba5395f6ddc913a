/*
 * test_json_split.c - what is cut out of a JSON text, and what remains.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/certs/json_split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX 3

/* objects: one after the other, with a bar after each. */
static const struct {
    const char *text, *frame, *objects;
} good[] = {
    {"", "", ""},
    {"hello", "hello", ""},
    {"{}", "{}", ""},
    {"[]", "[]", ""},
    {"[1,\"a\",null]", "[1,\"a\",null]", ""},
    {"[{}]", "[{\"\":0}]", "{}|"},
    {"{\"a\":{\"b\":[ {\"c\":1} , {\"d\":[{}]} ]}}",
        "{\"a\":{\"b\":[ {\"\":0} , {\"\":1} ]}}", "{\"c\":1}|{\"d\":[{}]}|"},
    {"[{\"a\":\"}]{[\"}]", "[{\"\":0}]", "{\"a\":\"}]{[\"}|"},
    {"[{\"a\":\"\\\"}\"}]", "[{\"\":0}]", "{\"a\":\"\\\"}\"}|"},
    {"[{\"a\":\"\\\\\"},2]", "[{\"\":0},2]", "{\"a\":\"\\\\\"}|"},
    {"\"[{}]\"", "\"[{}]\"", ""},
    /* Whose brackets do not match, the parser finds out. */
    {"[{]]", "[{\"\":0}]", "{]|"},
    {"[{}}", "[{\"\":0}}", "{}|"},
};

static const char *const bad[] = {
    "{",
    "[",
    "[{",
    "[{}",
    "\"",
    "[{\"a",
    "[{\"a\\",
    "]",
    "{}}",
    "[{},{},{},{}]", /* more than OBJECTS_MAX */
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

static void check_good(size_t i, size_t step)
{
    struct json_split split;
    enum json_split_result result;
    char objects[256] = "";

    json_split_init(&split, good[i].text, strlen(good[i].text), OBJECTS_MAX);
    while ((result = json_split_step(&split, step)) == JSON_SPLIT_MORE)
        continue;
    if (result != JSON_SPLIT_DONE)
        fail_msg("%s: result %d", good[i].text, result);
    for (size_t o = 0, at = 0; o < split.count; o++)
        at += (size_t)snprintf(objects + at, sizeof objects - at, "%.*s|",
            (int)split.objects[o].len, good[i].text + split.objects[o].at);
    assert_string_equal(objects, good[i].objects);
    assert_int_equal(split.frame_len, strlen(good[i].frame));
    assert_memory_equal(split.frame, good[i].frame, split.frame_len);
    json_split_clear(&split);
}

/* In steps of any size. */
TEST(good)
{
    for (size_t i = 0; i < COUNT(good); i++)
        for (size_t step = 1; step <= strlen(good[i].text) + 1; step++)
            check_good(i, step);
}

TEST(bad)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct json_split split;
        enum json_split_result result;
        json_split_init(&split, bad[i], strlen(bad[i]), OBJECTS_MAX);
        while ((result = json_split_step(&split, 1)) == JSON_SPLIT_MORE)
            continue;
        if (result != JSON_SPLIT_BAD)
            fail_msg("%s: result %d", bad[i], result);
        json_split_clear(&split);
    }
}

/* Megabytes in objects are nothing to the frame; besides them they are no
 * acme.json. */
TEST(large)
{
    for (int is_object = 0; is_object < 2; is_object++) {
        struct json_split split;
        size_t len = 2 * JSON_SPLIT_FRAME_MAX;
        char *text = xcalloc(1, len + 1);
        memset(text, 'x', len);
        memcpy(text, is_object ? "[{\"" : "[ \"", 3);
        memcpy(text + len - 3, is_object ? "\"}]" : "\" ]", 3);
        json_split_init(&split, text, len, OBJECTS_MAX);
        assert_int_equal(json_split_step(&split, len),
            is_object ? JSON_SPLIT_DONE : JSON_SPLIT_BAD);
        json_split_clear(&split);
        free(text);
    }
}

RUN_TESTS(NULL, NULL)
