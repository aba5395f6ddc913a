/*
 * fuzz_milter_wire.c - packets of the milter protocol are the same however
 * they are cut, and each can be answered.
 */
#include "milter/wire.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

struct seen {
    size_t packets;
    unsigned last; /* command */
    enum wire_result end;
};

static void require_answers(const struct wire *wire)
{
    unsigned char reply[WIRE_REPLY_MAX];
    char text[ADDRESS_TEXT_SIZE];
    struct address client;

    size_t len = wire_answer_negotiation(wire, reply);
    FUZZ_REQUIRE(len == 0 || (len == 17 && reply[4] == WIRE_NEGOTIATE));
    bool is_known = wire_client(wire, &client);
    FUZZ_REQUIRE(is_known == (client.family != ADDRESS_NONE));
    FUZZ_REQUIRE(strlen(address_format(&client, text)) < sizeof text);
}

static void take_all(
    struct wire *wire, struct seen *seen, const char *bytes, size_t len)
{
    size_t used;

    for (; len > 0 && seen->end != WIRE_BAD; bytes += used, len -= used) {
        seen->end = wire_take(wire, bytes, len, &used);
        if (seen->end == WIRE_BAD)
            return;
        FUZZ_REQUIRE(used > 0 && used <= len);
        FUZZ_REQUIRE(seen->end == WIRE_PACKET || used == len);
        if (seen->end != WIRE_PACKET)
            continue;
        seen->packets++;
        seen->last = wire_command(wire);
        require_answers(wire);
    }
}

static struct seen take_parts(const char *bytes, size_t len, size_t split)
{
    struct wire wire = {0};
    struct seen seen = {.end = WIRE_MORE};

    take_all(&wire, &seen, bytes, split);
    take_all(&wire, &seen, bytes + split, len - split);
    return seen;
}

static void try_refusal(const char *bytes, size_t size)
{
    unsigned char reply[WIRE_REPLY_MAX];
    char *text = fuzz_text((const uint8_t *)bytes, size);

    size_t len = wire_refuse(text, reply);
    FUZZ_REQUIRE(len <= sizeof reply);
    FUZZ_REQUIRE(len == 0 || reply[len - 1] == '\0');
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 1;

    if (size == 0)
        return 0;
    size--;
    struct seen whole = take_parts(bytes, size, size);
    struct seen parts = take_parts(bytes, size, data[0] % (size + 1));
    FUZZ_REQUIRE(whole.end == parts.end);
    FUZZ_REQUIRE(whole.packets == parts.packets && whole.last == parts.last);
    try_refusal(bytes, size);
    return 0;
}
