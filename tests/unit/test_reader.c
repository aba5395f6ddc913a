/* test_reader.c - replies in pieces, several at once, broken, and too long. */
#include "tests/unit/unit.h"

#include "common/redis/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds step bytes at a time; how many replies, or -1 for malformed bytes. */
static int count_replies(const char *bytes, size_t len, size_t step)
{
    struct redis_reader *reader = redis_reader_new(0);
    int count = 0;
    for (size_t at = 0; at < len && count >= 0; at += step) {
        size_t part = len - at < step ? len - at : step;
        if (!redis_reader_feed(reader, bytes + at, part)) {
            count = -1;
            break;
        }
        redisReply *reply;
        enum redis_read result;
        while (
            (result = redis_reader_next(reader, &reply)) == REDIS_READ_DONE) {
            freeReplyObject(reply);
            count++;
        }
        if (result == REDIS_READ_BAD)
            count = -1;
    }
    if (count < 0)
        assert_non_null(redis_reader_error(reader));
    redis_reader_free(&reader);
    return count;
}

static const struct {
    const char *bytes;
    int replies;
} cases[] = {
    {"+OK\r\n", 1},
    {":5\r\n:-1\r\n:0\r\n", 3},
    {"-ERR no\r\n$-1\r\n$0\r\n\r\n$3\r\nabc\r\n*-1\r\n*0\r\n", 6},
    {"*2\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n+OK\r\n", 2},
    {"+OK", 0},
    {"*3\r\n:1\r\n:2\r\n", 0},
    {"hello\r\n", -1},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", -1},
    {"*1025\r\n", -1},
    {"*2\r\n:1\r\n*1025\r\n", -1},
    {"*4294967295\r\n", -1},
    {"*2147483647\r\n", -1},
    {"*-5\r\n", -1},
    {"\r\n", -1},
};

TEST(cases)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step < 60; step++) {
            int count =
                count_replies(cases[i].bytes, strlen(cases[i].bytes), step);
            if (count != cases[i].replies)
                fail_msg("case %zu in steps of %zu: %d", i, step, count);
        }
}

/* A string that promises a gigabyte is cut off at the bound. */
TEST(endless_string)
{
    struct redis_reader *reader = redis_reader_new(0);
    static const char start[] = "$1000000000\r\n";
    char part[1000];
    redisReply *reply;
    size_t fed = 0;
    memset(part, 'x', sizeof part);
    assert_true(redis_reader_feed(reader, start, sizeof start - 1));
    while (redis_reader_next(reader, &reply) == REDIS_READ_MORE) {
        assert_true(fed <= REDIS_REPLY_BYTES_MAX);
        assert_true(redis_reader_feed(reader, part, sizeof part));
        fed += sizeof part;
    }
    assert_true(fed > REDIS_REPLY_BYTES_MAX - 2000);
    redis_reader_free(&reader);
}

/* Many good replies in a row are never too long. */
TEST(long_stream)
{
    size_t len = 0, size = 500000;
    char *bytes = malloc(size);
    int count = 0;
    assert_non_null(bytes);
    while (len + 20 < size) {
        len += (size_t)snprintf(bytes + len, 20, "*2\r\n:1\r\n:2\r\n");
        count++;
    }
    assert_int_equal(count_replies(bytes, len, 16384), count);
    assert_int_equal(count_replies(bytes, len, 7), count);
    free(bytes);
}

/* Random damage must be survived, whatever is made of it. */
TEST(damaged)
{
    static const char good[] = "*3\r\n:1\r\n$3\r\nabc\r\n*2\r\n:2\r\n-ERR\r\n"
                               "+OK\r\n$-1\r\n*1\r\n*1\r\n*1\r\n:7\r\n";
    static const char alphabet[] = "*$:+-0123456789\r\n\0\377a";
    char bytes[sizeof good - 1];
    srandom(1);
    for (int i = 0; i < 200000; i++) {
        memcpy(bytes, good, sizeof bytes);
        for (long n = random() % 4; n >= 0; n--)
            bytes[(size_t)random() % sizeof bytes] =
                alphabet[(size_t)random() % (sizeof alphabet - 1)];
        (void)count_replies(
            bytes, sizeof bytes, 1 + (size_t)random() % sizeof bytes);
    }
}

RUN_TESTS(NULL, NULL)
