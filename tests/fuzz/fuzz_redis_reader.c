/*
 * fuzz_redis_reader.c - replies of Redis are the same however they are cut,
 * and nothing that they say of other servers leads out of bounds.
 */
#include "common/redis/cluster_reply.h"
#include "common/redis/reader.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    size_t replies;
    enum redis_read end;
};

static void read_places(const redisReply *reply)
{
    static struct cluster_map map;
    struct cluster_redirect redirect;
    struct redis_address address;
    uint64_t epoch;

    (void)sentinel_epoch_read(reply, &epoch);
    if (sentinel_address_read(reply, &address))
        FUZZ_REQUIRE(address.port > 0 && address.host[0] != '\0');
    if (cluster_map_read(reply, "h", &map))
        FUZZ_REQUIRE(map.count > 0 && map.count <= CLUSTER_MASTERS_MAX);
    if (reply->type == REDIS_REPLY_ERROR &&
        cluster_redirect_read(reply->str, "h", &redirect))
        FUZZ_REQUIRE(redirect.slot < REDIS_SLOTS);
}

static void take_all(struct redis_reader *reader, struct seen *seen)
{
    redisReply *reply;

    while (seen->end == REDIS_READ_MORE) {
        seen->end = redis_reader_next(reader, &reply);
        if (seen->end != REDIS_READ_DONE)
            break;
        FUZZ_REQUIRE(reply->elements <= REDIS_REPLY_ELEMENTS_MAX);
        read_places(reply);
        freeReplyObject(reply);
        seen->replies++;
        seen->end = REDIS_READ_MORE;
    }
}

static struct seen read_parts(const char *bytes, size_t len, size_t split)
{
    struct redis_reader *reader = redis_reader_new(0);
    struct seen seen = {0, REDIS_READ_MORE};

    if (!redis_reader_feed(reader, bytes, split))
        seen.end = REDIS_READ_BAD;
    take_all(reader, &seen);
    if (seen.end == REDIS_READ_MORE) {
        if (!redis_reader_feed(reader, bytes + split, len - split))
            seen.end = REDIS_READ_BAD;
        take_all(reader, &seen);
    }
    if (seen.end == REDIS_READ_BAD)
        FUZZ_REQUIRE(redis_reader_error(reader) != NULL);
    redis_reader_free(&reader);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 1;

    if (size == 0)
        return 0;
    size--;
    struct seen whole = read_parts(bytes, size, size);
    struct seen parts = read_parts(bytes, size, data[0] % (size + 1));
    if (size < REDIS_REPLY_BYTES_MAX) {
        FUZZ_REQUIRE(whole.end == parts.end);
        FUZZ_REQUIRE(whole.replies == parts.replies);
    }
    return 0;
}
