/*
 * fuzz_cluster_reply.c - whatever a node or a Sentinel says of where others
 * are, what is believed of it is a place that can be asked.
 *
 * The input is read as replies, and as the text of an error.
 */
#include "common/redis/cluster_reply.h"
#include "common/redis/reader.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define ASKED "asked.example"

static void require_place(const struct redis_address *address)
{
    FUZZ_REQUIRE(address->port > 0 && address->host[0] != '\0');
    for (const char *at = address->host; *at != '\0'; at++)
        FUZZ_REQUIRE(*at > ' ' && *at < 0x7f);
}

static void try_map(const redisReply *reply)
{
    static struct cluster_map map;

    if (!cluster_map_read(reply, ASKED, &map))
        return;
    FUZZ_REQUIRE(map.count > 0 && map.count <= CLUSTER_MASTERS_MAX);
    for (size_t i = 0; i < map.count; i++)
        require_place(&map.masters[i]);
    for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
        FUZZ_REQUIRE(
            map.owners[slot] == CLUSTER_NOBODY || map.owners[slot] < map.count);
}

static void try_sentinel(const redisReply *reply)
{
    struct redis_address address;
    uint64_t epoch;

    if (sentinel_address_read(reply, &address))
        require_place(&address);
    (void)sentinel_epoch_read(reply, &epoch);
}

static void try_redirect(const uint8_t *data, size_t size)
{
    struct cluster_redirect redirect;
    char *text = fuzz_text(data, size);

    if (cluster_redirect_read(text, ASKED, &redirect)) {
        FUZZ_REQUIRE(redirect.slot < REDIS_SLOTS);
        require_place(&redirect.address);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_reader *reader = redis_reader_new(REDIS_REPLY_BYTES_MAX);
    redisReply *reply;

    if (redis_reader_feed(reader, (const char *)data, size))
        while (redis_reader_next(reader, &reply) == REDIS_READ_DONE) {
            try_map(reply);
            try_sentinel(reply);
            freeReplyObject(reply);
        }
    redis_reader_free(&reader);
    try_redirect(data, size);
    return 0;
}
