/*
 * test_wire.c - packets of the milter protocol, in any pieces, good and bad.
 */
#include "tests/unit/unit.h"

#include "milter/wire.h"

#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

static const char negotiate[] = "\0\0\0\x0dO\0\0\0\x06\0\0\1\xff\0\x1f\xff\xff";
static enum wire_result take(struct wire *wire, const char *bytes, size_t len)
{
    size_t used;
    enum wire_result result = wire_take(wire, bytes, len, &used);

    if (result != WIRE_BAD)
        assert_int_equal(used, len);
    return result;
}

TEST(pieces)
{
    struct wire wire = {0};
    size_t last = sizeof negotiate - 2;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < last; i++)
            assert_int_equal(take(&wire, negotiate + i, 1), WIRE_MORE);
        assert_int_equal(take(&wire, negotiate + last, 1), WIRE_PACKET);
        assert_int_equal(wire_command(&wire), WIRE_NEGOTIATE);
    }
}

TEST(several_at_once)
{
    char both[2 * sizeof negotiate];
    struct wire wire = {0};
    size_t used, len = sizeof negotiate - 1;

    memcpy(both, negotiate, len);
    memcpy(both + len, negotiate, len);
    assert_int_equal(wire_take(&wire, both, 2 * len, &used), WIRE_PACKET);
    assert_int_equal(used, len);
    assert_int_equal(wire_take(&wire, both + len, len, &used), WIRE_PACKET);
    assert_int_equal(used, len);
}

TEST(lengths)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum wire_result result;
    } cases[] = {
        {BYTES("\0\0\0"), WIRE_MORE},
        {BYTES("\0\0\0\0"), WIRE_BAD},
        {BYTES("\0\0\0\1"), WIRE_MORE},
        {BYTES("\0\0\0\1Q"), WIRE_PACKET},
        {BYTES("\0\1\0\0D"), WIRE_MORE},
        {BYTES("\0\1\0\1D"), WIRE_BAD},
        {BYTES("\xff\xff\xff\xff"), WIRE_BAD},
        {BYTES("GET / HTTP/1.0"), WIRE_BAD},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire wire = {0};
        if (take(&wire, cases[i].bytes, cases[i].len) != cases[i].result)
            fail_msg("case %zu", i);
    }
}

/* Only its beginning is kept, and the next packet is found all the same. */
TEST(a_long_packet)
{
    static const char zeros[65535];
    struct wire wire = {0};

    assert_int_equal(take(&wire, BYTES("\0\1\0\0D")), WIRE_MORE);
    assert_int_equal(take(&wire, zeros, sizeof zeros), WIRE_PACKET);
    assert_int_equal(wire_command(&wire), 'D');
    assert_int_equal(take(&wire, negotiate, sizeof negotiate - 1), WIRE_PACKET);
    assert_int_equal(wire_command(&wire), WIRE_NEGOTIATE);
}

TEST(answer_to_negotiation)
{
    static const char answer[] = "\0\0\0\x0dO\0\0\0\x06\0\0\0\0\0\0\0";
    unsigned char reply[WIRE_REPLY_MAX];
    struct wire wire = {0};

    take(&wire, negotiate, sizeof negotiate - 1);
    assert_int_equal(wire_answer_negotiation(&wire, reply), sizeof answer);
    assert_memory_equal(reply, answer, sizeof answer);
    wire.kept[4] = 2;
    wire_answer_negotiation(&wire, reply);
    assert_int_equal(reply[8], 2);
    take(&wire, BYTES("\0\0\0\x0cO\0\0\0\6\0\0\0\0\0\0\0"));
    assert_int_equal(wire_answer_negotiation(&wire, reply), 0);
}

TEST(refusal)
{
    unsigned char reply[WIRE_REPLY_MAX];
    char text[WIRE_REPLY_MAX] = "";

    assert_int_equal(wire_refuse("421 x", reply), 11);
    assert_memory_equal(reply, "\0\0\0\7y421 x", 11);
    memset(text, 'x', WIRE_REPLY_MAX - 6);
    assert_int_equal(wire_refuse(text, reply), WIRE_REPLY_MAX);
    text[WIRE_REPLY_MAX - 6] = 'x';
    assert_int_equal(wire_refuse(text, reply), 0);
}

TEST(client)
{
    static const struct {
        const char *data;
        size_t len;
        const char *client; /* "unknown" too where there is none */
    } cases[] = {
        {BYTES("Cmail\0004\x10\xe1"
               "198.51.100.7\0"),
            "198.51.100.7"},
        {BYTES("C\0004\x10\xe1"
               "198.51.100.7\0"),
            "198.51.100.7"},
        {BYTES("Cmail\0004\x10\xe1"
               "198.51.100.7"),
            "198.51.100.7"},
        {BYTES("Cmail\0006\x10\xe1"
               "IPv6:2001:db8::1\0"),
            "2001:db8::1"},
        {BYTES("Cmail\0006\x10\xe1"
               "2001:db8::1\0"),
            "2001:db8::1"},
        {BYTES("Cmail\0U"), "unknown"},
        {BYTES("Cmail\0L\0\0/run/x\0"), "unknown"},
        {BYTES("Cmail\0004\x10\xe1"
               "nonsense\0"),
            "unknown"},
        {BYTES("Cmail\0004\x10\xe1"), "unknown"},
        {BYTES("Cmail\0004\x10"), "unknown"},
        {BYTES("Cmail\0004"), "unknown"},
        {BYTES("Cmail"), "unknown"},
        {BYTES("C"), "unknown"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[ADDRESS_TEXT_SIZE];
        struct wire wire = {.length = (uint32_t)cases[i].len};
        struct address client;
        memset(wire.kept, 'x', sizeof wire.kept);
        memcpy(wire.kept, cases[i].data, cases[i].len);
        bool is_known = wire_client(&wire, &client);
        assert_int_equal(is_known, client.family != ADDRESS_NONE);
        if (strcmp(address_format(&client, text), cases[i].client) != 0)
            fail_msg("case %zu: %s", i, text);
    }
}

RUN_TESTS(NULL, NULL)
