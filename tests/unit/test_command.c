/*
 * test_command.c - what a command looks like, in any number and size.
 */
#include "common/redis/command.h"
#include "tests/unit/unit.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static void take_and_compare(
    struct evbuffer *buffer, const char *expected, size_t len)
{
    assert_int_equal(evbuffer_get_length(buffer), len);
    char *taken = malloc(len);
    assert_non_null(taken);
    assert_int_equal(evbuffer_remove(buffer, taken, len), len);
    assert_memory_equal(taken, expected, len);
    free(taken);
}

/* hiredis is the judge. */
static void check(struct evbuffer *buffer, int argc, const char **argv,
    const size_t *argv_len)
{
    char *expected;
    long long len = redisFormatCommandArgv(&expected, argc, argv, argv_len);

    assert_true(len > 0);
    assert_true(redis_command_add(buffer, argc, argv, argv_len));
    take_and_compare(buffer, expected, (size_t)len);
    redisFreeCommand(expected);
}

TEST(commands)
{
    static char large[70000];
    struct evbuffer *buffer = evbuffer_new();
    memset(large, 'x', sizeof large);
    const char *argv[] = {"EVALSHA", "", "a\0b\r\n", large, "10", "9", "8", "7",
        "6", "5", "4", "3"};
    const size_t lens[] = {7, 0, 5, sizeof large, 2, 1, 1, 1, 1, 1, 1, 1};
    for (int argc = 1; argc <= (int)(sizeof lens / sizeof lens[0]); argc++)
        check(buffer, argc, argv, lens);
    evbuffer_free(buffer);
}

TEST(one_after_the_other)
{
    static const char two[] =
        "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    struct evbuffer *buffer = evbuffer_new();
    assert_true(
        redis_command_add(buffer, 1, (const char *[]){"PING"}, (size_t[]){4}));
    assert_true(redis_command_add(
        buffer, 2, (const char *[]){"GET", "k"}, (size_t[]){3, 1}));
    take_and_compare(buffer, two, sizeof two - 1);
    evbuffer_free(buffer);
}

RUN_TESTS(NULL, NULL)
