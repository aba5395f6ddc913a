/* test_sentinel_reply.c - what a Sentinel says, and what it must not. */
#include "tests/unit/unit.h"

#include "common/redis/reader.h"
#include "common/redis/sentinel_reply.h"

#include <string.h>

#define LONG_HOST \
    "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh" \
    "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh" \
    "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh" \
    "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"

static redisReply *parse(const char *bytes)
{
    redisReply *reply = NULL;
    struct redis_reader *reader = redis_reader_new(0);
    assert_true(redis_reader_feed(reader, bytes, strlen(bytes)));
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_DONE);
    redis_reader_free(&reader);
    return reply;
}

static const struct {
    const char *bytes, *host; /* NULL: refused */
    uint16_t port;
} addresses[] = {
    {"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "127.0.0.1", 6379},
    {"*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", "::1", 65535},
    {"*2\r\n$4\r\nr.ex\r\n:1\r\n", "r.ex", 1},
    {"*-1\r\n", NULL, 0},
    {"$-1\r\n", NULL, 0},
    {"-IDONTKNOW\r\n", NULL, 0},
    {"*0\r\n", NULL, 0},
    {"*1\r\n$9\r\n127.0.0.1\r\n", NULL, 0},
    {"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n", NULL, 0},
    {"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", NULL, 0},
    {"*2\r\n$3\r\na b\r\n$4\r\n6379\r\n", NULL, 0},
    {"*2\r\n$3\r\na\nb\r\n$4\r\n6379\r\n", NULL, 0},
    {"*2\r\n$256\r\n" LONG_HOST "\r\n$4\r\n6379\r\n", NULL, 0},
    {"*2\r\n:1\r\n$4\r\n6379\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n$0\r\n\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n$1\r\n0\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n$5\r\n65536\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n$2\r\n-1\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n$2\r\n1x\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n:-1\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n$25\r\n9999999999999999999999999\r\n", NULL, 0},
    {"*2\r\n$1\r\na\r\n*0\r\n", NULL, 0},
};

TEST(addresses)
{
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct redis_address address;
        redisReply *reply = parse(addresses[i].bytes);
        bool ok = sentinel_address_read(reply, &address);
        if (ok != (addresses[i].host != NULL))
            fail_msg("%s", addresses[i].bytes);
        if (ok) {
            assert_string_equal(address.host, addresses[i].host);
            assert_int_equal(address.port, addresses[i].port);
        }
        freeReplyObject(reply);
    }
}

static const struct {
    const char *bytes;
    long long epoch; /* -1: refused */
} epochs[] = {
    {"*4\r\n$4\r\nname\r\n$1\r\nm\r\n$12\r\nconfig-epoch\r\n$2\r\n17\r\n", 17},
    {"*2\r\n$12\r\nconfig-epoch\r\n$1\r\n0\r\n", 0},
    {"*2\r\n$12\r\nconfig-epoch\r\n:3\r\n", 3},
    {"*2\r\n$12\r\nconfig-epoch\r\n$19\r\n9223372036854775807\r\n",
        9223372036854775807},
    {"*2\r\n$12\r\nconfig-epoch\r\n$19\r\n9223372036854775808\r\n", -1},
    {"*2\r\n$12\r\nconfig-epoch\r\n$2\r\n-1\r\n", -1},
    {"*1\r\n$12\r\nconfig-epoch\r\n", -1},
    {"*3\r\n$1\r\na\r\n$1\r\nb\r\n$12\r\nconfig-epoch\r\n", -1},
    {"*2\r\n$1\r\na\r\n$12\r\nconfig-epoch\r\n", -1},
    {"*2\r\n:1\r\n:2\r\n", -1},
    {"*0\r\n", -1},
    {"*-1\r\n", -1},
    {"-ERR No such master with that name\r\n", -1},
    {"+OK\r\n", -1},
};

TEST(epochs)
{
    for (size_t i = 0; i < COUNT(epochs); i++) {
        uint64_t epoch;
        redisReply *reply = parse(epochs[i].bytes);
        bool ok = sentinel_epoch_read(reply, &epoch);
        if (ok != (epochs[i].epoch >= 0) ||
            (ok && epoch != (uint64_t)epochs[i].epoch))
            fail_msg("%s", epochs[i].bytes);
        freeReplyObject(reply);
    }
}

RUN_TESTS(NULL, NULL)
