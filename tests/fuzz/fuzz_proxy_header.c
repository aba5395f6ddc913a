/*
 * fuzz_proxy_header.c - a PROXY header is the same in one piece as byte by
 * byte, ends where it says, and never takes a byte of what is behind it.
 */
#include "common/net/proxy_header.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void require_same(
    const struct proxy_reader *a, const struct proxy_reader *b)
{
    FUZZ_REQUIRE(a->state == b->state);
    FUZZ_REQUIRE(a->fault == b->fault);
    FUZZ_REQUIRE(memcmp(&a->header, &b->header, sizeof(a->header)) == 0);
}

static void require_whole(const struct proxy_header *header)
{
    FUZZ_REQUIRE(header->client.family == header->server.family ||
                 header->client.family != ADDRESS_NONE);
    FUZZ_REQUIRE(!header->is_local || header->client.family == ADDRESS_NONE);
    FUZZ_REQUIRE(strlen(header->authority) < sizeof(header->authority));
    FUZZ_REQUIRE(strlen(header->unique_id) < sizeof(header->unique_id));
    FUZZ_REQUIRE(strlen(header->tls_version) < sizeof(header->tls_version));
    FUZZ_REQUIRE(strlen(header->endpoint) < sizeof(header->endpoint));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxy_reader whole, slow; /* their padding is zero */
    size_t used, at = 0;

    memset(&whole, 0, sizeof(whole));
    memset(&slow, 0, sizeof(slow));
    used = proxy_header_read(&whole, data, size);
    FUZZ_REQUIRE(used <= size);
    while (at < size && slow.state == PROXY_HEADER_MORE)
        at += proxy_header_read(&slow, data + at, 1);
    FUZZ_REQUIRE(at == used);
    require_same(&whole, &slow);
    FUZZ_REQUIRE(whole.state != PROXY_HEADER_MORE || used == size);
    FUZZ_REQUIRE((whole.state == PROXY_HEADER_BAD) == (whole.fault != NULL));
    if (whole.state == PROXY_HEADER_DONE)
        require_whole(&whole.header);
    return 0;
}
