/* test_cluster_reply.c - slots, slot maps and redirections, good and bad. */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/redis/cluster_reply.h"
#include "common/redis/reader.h"

#include <stdlib.h>
#include <string.h>

/* "123456789": the check value of CRC16/XMODEM. The others: CLUSTER KEYSLOT of
 * Redis 7.0. */
static const struct {
    const char *tag;
    unsigned slot;
} slots[] = {
    {"123456789", 0x31c3},
    {"", 0},
    {"foo", 12182},
    {"bar", 5061},
    {"user1000", 3443},
    {"foo{bar", 15278},
    {"instances", 1691},
};

TEST(slots)
{
    for (size_t i = 0; i < COUNT(slots); i++)
        if (redis_slot_of_tag(slots[i].tag, strlen(slots[i].tag)) !=
            slots[i].slot)
            fail_msg("%s: %u", slots[i].tag,
                redis_slot_of_tag(slots[i].tag, strlen(slots[i].tag)));
}

static redisReply *parse(const char *bytes)
{
    redisReply *reply = NULL;
    struct redis_reader *reader = redis_reader_new(0);
    assert_true(redis_reader_feed(reader, bytes, strlen(bytes)));
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_DONE);
    redis_reader_free(&reader);
    return reply;
}

#define A    "*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$2\r\nid\r\n"
#define B    "*4\r\n$9\r\n127.0.0.1\r\n:7002\r\n$2\r\nid\r\n*0\r\n"
#define SELF "*3\r\n$0\r\n\r\n:7003\r\n$2\r\nid\r\n"
#define NIL  "*3\r\n$-1\r\n:7003\r\n$2\r\nid\r\n"

TEST(map)
{
    struct cluster_map *map = xcalloc(1, sizeof *map);
    redisReply *reply =
        parse("*4\r\n"
              "*3\r\n:0\r\n:99\r\n" A "*4\r\n:100\r\n:16383\r\n" B A
              "*3\r\n:7\r\n:7\r\n" SELF "*3\r\n:8\r\n:8\r\n" NIL);
    assert_true(cluster_map_read(reply, "10.0.0.3", map));
    assert_int_equal(map->count, 3);
    assert_int_equal(map->owners[0], 0);
    assert_int_equal(map->owners[7], 2);
    assert_int_equal(map->owners[8], 2);
    assert_int_equal(map->owners[99], 0);
    assert_int_equal(map->owners[16383], 1);
    assert_string_equal(map->masters[2].host, "10.0.0.3");
    assert_int_equal(map->masters[2].port, 7003);
    assert_true(cluster_map_is_whole(map));
    freeReplyObject(reply);

    reply = parse("*1\r\n*3\r\n:0\r\n:16382\r\n" A);
    assert_true(cluster_map_read(reply, "h", map));
    assert_int_equal(map->owners[16383], CLUSTER_NOBODY);
    assert_false(cluster_map_is_whole(map));
    freeReplyObject(reply);
    free(map);
}

static const char *const bad_maps[] = {
    "*0\r\n",
    "*-1\r\n",
    "$1\r\na\r\n",
    "-ERR This instance has cluster support disabled\r\n",
    "*1\r\n:1\r\n",
    "*1\r\n*2\r\n:0\r\n:1\r\n",
    "*1\r\n*3\r\n:-1\r\n:1\r\n" A,
    "*1\r\n*3\r\n:0\r\n:16384\r\n" A,
    "*1\r\n*3\r\n:2\r\n:1\r\n" A,
    "*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" A,
    "*1\r\n*3\r\n:0\r\n:1\r\n:5\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:1\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n",
    /* All of them three times. */
    "*3\r\n*3\r\n:0\r\n:16383\r\n" A "*3\r\n:0\r\n:16383\r\n" A
    "*3\r\n:0\r\n:16383\r\n" A,
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$3\r\na b\r\n:1\r\n",
};

TEST(bad_maps)
{
    struct cluster_map *map = xcalloc(1, sizeof *map);
    for (size_t i = 0; i < COUNT(bad_maps); i++) {
        redisReply *reply = parse(bad_maps[i]);
        if (cluster_map_read(reply, "h", map))
            fail_msg("%s", bad_maps[i]);
        freeReplyObject(reply);
    }
    free(map);
}

static const struct {
    const char *text, *host; /* NULL: it is none */
    bool is_ask;
    unsigned slot, port;
} redirects[] = {
    {"MOVED 3999 127.0.0.1:6381", "127.0.0.1", false, 3999, 6381},
    {"ASK 0 r.example:1", "r.example", true, 0, 1},
    {"MOVED 16383 ::1:65535", "::1", false, 16383, 65535},
    {"MOVED 1 :6381", "asked", false, 1, 6381},
    {"MOVED 1 ?:6381", NULL, false, 0, 0},
    {"MOVED 16384 h:1", NULL, false, 0, 0},
    {"MOVED 99999999999999999999 h:1", NULL, false, 0, 0},
    {"MOVED -1 h:1", NULL, false, 0, 0},
    {"MOVED  h:1", NULL, false, 0, 0},
    {"MOVED 1", NULL, false, 0, 0},
    {"MOVED 1 ", NULL, false, 0, 0},
    {"MOVED 1 h", NULL, false, 0, 0},
    {"MOVED 1 h:", NULL, false, 0, 0},
    {"MOVED 1 h:0", NULL, false, 0, 0},
    {"MOVED 1 h:65536", NULL, false, 0, 0},
    {"MOVED 1 h:1x", NULL, false, 0, 0},
    {"MOVED 1 h h:1", NULL, false, 0, 0},
    {"MOVED 1 h\x01:1", NULL, false, 0, 0},
    {"MOVEDX 1 h:1", NULL, false, 0, 0},
    {"ASKING 1 h:1", NULL, false, 0, 0},
    {"TRYAGAIN Multiple keys request during rehashing", NULL, false, 0, 0},
    {"", NULL, false, 0, 0},
};

TEST(redirects)
{
    for (size_t i = 0; i < COUNT(redirects); i++) {
        struct cluster_redirect redirect;
        bool ok = cluster_redirect_read(redirects[i].text, "asked", &redirect);
        if (ok != (redirects[i].host != NULL))
            fail_msg("%s", redirects[i].text);
        if (!ok)
            continue;
        assert_string_equal(redirect.address.host, redirects[i].host);
        assert_int_equal(redirect.address.port, redirects[i].port);
        assert_int_equal(redirect.slot, redirects[i].slot);
        assert_int_equal(redirect.is_ask, redirects[i].is_ask);
    }
}

RUN_TESTS(NULL, NULL)
