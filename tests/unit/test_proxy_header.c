/*
 * test_proxy_header.c - headers of both versions, whole, in every two pieces
 * and byte by byte; the client's own bytes behind them are left alone.
 */
#include "tests/unit/unit.h"

#include "common/net/proxy_header.h"

#include <stdio.h>
#include <string.h>

#define BEHIND    "EHLO client\r\n"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* A header under construction, and its client's bytes behind it. */
struct bytes {
    uint8_t data[70000];
    size_t length;
};

static void put(struct bytes *bytes, const void *data, size_t length)
{
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void put_16(struct bytes *bytes, size_t number)
{
    put(bytes, (uint8_t[]){(uint8_t)(number >> 8), (uint8_t)number}, 2);
}

static void start_v2(struct bytes *bytes, uint8_t command, uint8_t family)
{
    bytes->length = 0;
    put(bytes, SIGNATURE, 12);
    put(bytes, (uint8_t[]){command, family, 0, 0}, 4);
}

static void start_tcp4(struct bytes *bytes)
{
    start_v2(bytes, 0x21, 0x11);
    put(bytes, "\xcb\0\x71\x07\xc0\0\x02\x01\x30\x39\0\x19", 12);
}

static void put_tlv(
    struct bytes *bytes, uint8_t type, const void *value, size_t length)
{
    put(bytes, &type, 1);
    put_16(bytes, length);
    put(bytes, value, length);
}

static void end_v2(struct bytes *bytes)
{
    size_t length = bytes->length - 16;

    bytes->data[14] = (uint8_t)(length >> 8);
    bytes->data[15] = (uint8_t)length;
}

/* CRC32C by its definition, a bit at a time. */
static uint32_t crc32c(const uint8_t *data, size_t length)
{
    uint32_t sum = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        sum ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
    }
    return ~sum;
}

/* To be filled in where the header has a sum whose value stands at that place.
 */
static void put_sum(struct bytes *bytes, size_t at)
{
    uint32_t sum;

    memset(bytes->data + at, 0, 4);
    sum = crc32c(bytes->data, bytes->length);
    for (size_t i = 0; i < 4; i++)
        bytes->data[at + i] = (uint8_t)(sum >> (24 - 8 * i));
}

/* In pieces of these sizes, the last of which is repeated. Returns how many
 * bytes were used. */
static size_t read_pieces(struct proxy_reader *reader, const uint8_t *data,
    size_t length, size_t first, size_t others)
{
    size_t at = 0;

    *reader = (struct proxy_reader){0};
    for (size_t piece = first;
         at < length && reader->state == PROXY_HEADER_MORE; piece = others) {
        size_t given = piece < length - at ? piece : length - at;
        size_t used = proxy_header_read(reader, data + at, given);
        if (reader->state == PROXY_HEADER_MORE)
            assert_int_equal(used, given);
        at += used;
    }
    return at;
}

static void assert_same_header(
    const struct proxy_header *a, const struct proxy_header *b)
{
    assert_int_equal(a->is_local, b->is_local);
    assert_true(address_equal(&a->client, &b->client));
    assert_true(address_equal(&a->server, &b->server));
    assert_int_equal(a->client_port, b->client_port);
    assert_int_equal(a->server_port, b->server_port);
    assert_int_equal(a->is_tls, b->is_tls);
    assert_string_equal(a->tls_version, b->tls_version);
    assert_string_equal(a->authority, b->authority);
    assert_string_equal(a->unique_id, b->unique_id);
    assert_string_equal(a->endpoint, b->endpoint);
}

/* Whole, with the client's bytes behind it, in all halves, byte by byte. */
static void read_header(
    struct proxy_reader *reader, const void *header, size_t length)
{
    static struct bytes bytes;
    struct proxy_reader again;
    enum proxy_header_state state;

    bytes.length = 0;
    put(&bytes, header, length);
    put(&bytes, BEHIND, strlen(BEHIND));
    size_t used = read_pieces(
        reader, bytes.data, bytes.length, bytes.length, bytes.length);
    state = reader->state;
    if (state == PROXY_HEADER_DONE)
        assert_int_equal(used, length);
    else
        assert_non_null(reader->fault);
    for (size_t first = 1; first<length; first += length> 2000 ? 997 : 1) {
        used =
            read_pieces(&again, bytes.data, bytes.length, first, bytes.length);
        assert_int_equal(again.state, state);
        assert_same_header(&again.header, &reader->header);
        if (state == PROXY_HEADER_DONE)
            assert_int_equal(used, length);
    }
    read_pieces(&again, bytes.data, bytes.length, 1, 1);
    assert_int_equal(again.state, state);
    assert_same_header(&again.header, &reader->header);
}

static void assert_ends(const struct proxy_header *header, const char *ends)
{
    char client[ADDRESS_TEXT_SIZE], server[ADDRESS_TEXT_SIZE], text[128];

    snprintf(text, sizeof(text), "%s %u %s %u",
        address_format(&header->client, client), header->client_port,
        address_format(&header->server, server), header->server_port);
    assert_string_equal(text, ends);
}

#define NO_ENDS "unknown 0 unknown 0"

TEST(version_1)
{
    static const struct {
        const char *line, *ends; /* NULL: malformed */
    } lines[] = {
        {"PROXY TCP4 203.0.113.7 192.0.2.1 12345 25\r\n",
            "203.0.113.7 12345 192.0.2.1 25"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            "255.255.255.255 65535 255.255.255.255 65535"},
        {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0 0.0.0.0 0"},
        {"PROXY TCP6 2001:db8::7 2001:DB8::1 1 2\r\n",
            "2001:db8::7 1 2001:db8::1 2"},
        {"PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n", "203.0.113.7 1 ::1 2"},
        {"PROXY UNKNOWN\r\n", NO_ENDS},
        {"PROXY UNKNOWN ffff::1 what follows counts for nothing\r\n", NO_ENDS},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0 65535 65535\r\n",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0 65535"},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 12345 25\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 12345\r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 12345 25 \r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 12345 25\r\r\n", NULL},
        {"PROXY TCP4 203.0.113.7  192.0.2.1 12345 25\r\n", NULL},
        {"PROXY  TCP4 203.0.113.7 192.0.2.1 12345 25\r\n", NULL},
        {"PROXY TCP4\t203.0.113.7 192.0.2.1 12345 25\r\n", NULL},
        {"PROXY TCP4 203.0.113.07 192.0.2.1 12345 25\r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 012345 25\r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 00 25\r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 65536 25\r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 -1 25\r\n", NULL},
        {"PROXY TCP4 203.0.113.7 192.0.2.1 +1 25\r\n", NULL},
        {"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", NULL},
        {"PROXY TCP6 203.0.113.7 192.0.2.1 1 2\r\n", NULL},
        {"PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n", NULL},
        {"PROXY TCP6 IPv6:2001:db8::7 2001:db8::1 1 2\r\n", NULL},
        {"PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n", NULL},
        {"PROXY TCP5 203.0.113.7 192.0.2.1 1 2\r\n", NULL},
        {"PROXY tcp4 203.0.113.7 192.0.2.1 1 2\r\n", NULL},
        {"PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n", NULL},
        {"PROXY UNKNOWNX\r\n", NULL},
        {"PROXY \r\n", NULL},
        {"PROXY\r\n", NULL},
        {"proxy TCP4 203.0.113.7 192.0.2.1 12345 25\r\n", NULL},
        {"EHLO client.example\r\n", NULL},
        {"\x16\x03\x01\x02", NULL},
        {"\r\n", NULL},
    };
    struct proxy_reader reader;

    for (size_t i = 0; i < COUNT(lines); i++) {
        read_header(&reader, lines[i].line, strlen(lines[i].line));
        if ((reader.state == PROXY_HEADER_DONE) != (lines[i].ends != NULL))
            fail_msg("\"%s\": %s", lines[i].line, reader.fault);
        if (lines[i].ends != NULL)
            assert_ends(&reader.header, lines[i].ends);
    }
}

/* 107 bytes are the most, the end of the line included. */
TEST(a_line_ends)
{
    char line[200] = "PROXY UNKNOWN ";
    size_t start = strlen(line);
    struct proxy_reader reader;

    memset(line + start, 'x', sizeof(line) - start);
    assert_int_equal(
        read_pieces(&reader, (uint8_t *)line, sizeof(line), 200, 200), 107);
    assert_int_equal(reader.state, PROXY_HEADER_BAD);
    memcpy(line + 105, "\r\n", 2);
    read_header(&reader, line, 107);
    assert_int_equal(reader.state, PROXY_HEADER_DONE);
    memset(line + 105, 'x', 2);
    memcpy(line + 106, "\r\n", 2);
    read_header(&reader, line, 108);
    assert_int_equal(reader.state, PROXY_HEADER_BAD);
    read_header(&reader, "PROXY UNKNOWN \0\r\n", 17);
    assert_int_equal(reader.state, PROXY_HEADER_BAD);
}

/* Of these no client is named: NO_ENDS; and of no other. */
TEST(version_2)
{
    static const struct {
        uint8_t command, family;
        size_t block;     /* its bytes, 0x01 each */
        const char *ends; /* NULL: refused */
    } headers[] = {
        {0x21, 0x11, 12, "1.1.1.1 257 1.1.1.1 257"},
        {0x21, 0x21, 36,
            "101:101:101:101:101:101:101:101 257 "
            "101:101:101:101:101:101:101:101 257"},
        {0x21, 0x31, 216, NO_ENDS},
        {0x21, 0x32, 216, NO_ENDS},
        {0x21, 0x12, 12, NO_ENDS},
        {0x21, 0x22, 36, NO_ENDS},
        {0x21, 0x10, 12, NO_ENDS},
        {0x21, 0x00, 0, NO_ENDS},
        {0x21, 0x00, 65535, NO_ENDS},
        {0x20, 0x00, 0, NO_ENDS},
        {0x20, 0x11, 12, NO_ENDS},
        {0x20, 0x11, 3, NO_ENDS},
        {0x20, 0xff, 65535, NO_ENDS},
        {0x21, 0x11, 11, NULL},
        {0x21, 0x11, 0, NULL},
        {0x21, 0x21, 35, NULL},
        {0x21, 0x31, 215, NULL},
        {0x21, 0x41, 216, NULL},
        {0x21, 0x13, 12, NULL},
        {0x22, 0x11, 12, NULL},
        {0x2f, 0x11, 12, NULL},
        {0x11, 0x11, 12, NULL},
        {0x31, 0x11, 12, NULL},
        {0x01, 0x11, 12, NULL},
    };
    static struct bytes bytes;
    static uint8_t ones[65535];
    struct proxy_reader reader;

    memset(ones, 1, sizeof(ones));
    for (size_t i = 0; i < COUNT(headers); i++) {
        start_v2(&bytes, headers[i].command, headers[i].family);
        put(&bytes, ones, headers[i].block);
        end_v2(&bytes);
        read_header(&reader, bytes.data, bytes.length);
        if ((reader.state == PROXY_HEADER_DONE) != (headers[i].ends != NULL))
            fail_msg("row %zu: %s", i, reader.fault);
        if (headers[i].ends != NULL)
            assert_ends(&reader.header, headers[i].ends);
        assert_int_equal(reader.header.is_local, headers[i].command == 0x20);
    }
}

TEST(a_mapped_address_is_ipv4)
{
    static struct bytes bytes;
    struct proxy_reader reader;

    start_v2(&bytes, 0x21, 0x21);
    put(&bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\0\x71\x07", 16);
    put(&bytes, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01\0\x02", 20);
    end_v2(&bytes);
    read_header(&reader, bytes.data, bytes.length);
    assert_ends(&reader.header, "203.0.113.7 1 2001:db8::1 2");
}

TEST(values)
{
    static struct bytes bytes;
    static uint8_t certificate[3000];
    struct proxy_reader reader;

    start_tcp4(&bytes);
    put_tlv(&bytes, 0x04, "padding", 7);
    put_tlv(&bytes, 0x02, "mx.example.com", 14);
    put_tlv(&bytes, 0x05, "\x01\xab\0", 3);
    put_tlv(&bytes, 0x21, "outside", 7);
    put(&bytes, "\x20", 1);
    put_16(&bytes, 5 + 3 + 7 + 3 + sizeof(certificate) + 3);
    put(&bytes, "\x07\0\0\0\0", 5);
    put_tlv(&bytes, 0x21, "TLSv1.3", 7);
    put_tlv(&bytes, 0x28, certificate, sizeof(certificate));
    put_tlv(&bytes, 0x03, "", 0);
    put_tlv(&bytes, 0xea, "\x01vpce-08d2bf15fac5001c9", 23);
    end_v2(&bytes);
    read_header(&reader, bytes.data, bytes.length);
    assert_int_equal(reader.state, PROXY_HEADER_DONE);
    assert_ends(&reader.header, "203.0.113.7 12345 192.0.2.1 25");
    assert_string_equal(reader.header.authority, "mx.example.com");
    assert_string_equal(reader.header.unique_id, "01ab00");
    assert_string_equal(reader.header.tls_version, "TLSv1.3");
    assert_string_equal(reader.header.endpoint, "vpce-08d2bf15fac5001c9");
    assert_true(reader.header.is_tls);
}

TEST(a_link_is_a_number)
{
    static struct bytes bytes;
    struct proxy_reader reader;

    start_tcp4(&bytes);
    put_tlv(&bytes, 0xee, "\x01\x78\x56\x34\x12", 5);
    put_tlv(&bytes, 0x20, "\x02\0\0\0\0", 5);
    end_v2(&bytes);
    read_header(&reader, bytes.data, bytes.length);
    assert_string_equal(reader.header.endpoint, "305419896");
    assert_false(reader.header.is_tls);
}

/* The specification lets a receiver pass over what it does not know. */
TEST(values_that_are_not_kept)
{
    static struct bytes bytes;
    static uint8_t large[65535 - 12 - 6 * 3 - 129 - 256 - 4 - 1];
    struct proxy_reader reader;

    memset(large, 'x', sizeof(large));
    start_tcp4(&bytes);
    put_tlv(&bytes, 0x05, large, 129);
    put_tlv(&bytes, 0x02, large, 256);
    put_tlv(&bytes, 0xea, "\x02net", 4);
    put_tlv(&bytes, 0xee, "\x01", 1);
    put_tlv(&bytes, 0xea, "", 0);
    put_tlv(&bytes, 0xe0, large, sizeof(large));
    end_v2(&bytes);
    assert_int_equal(bytes.length, 16 + 65535);
    read_header(&reader, bytes.data, bytes.length);
    assert_int_equal(reader.state, PROXY_HEADER_DONE);
    assert_string_equal(reader.header.unique_id, "");
    assert_string_equal(reader.header.authority, "");
    assert_string_equal(reader.header.endpoint, "");
}

static void assert_refused(struct bytes *bytes, const char *fault)
{
    struct proxy_reader reader;

    end_v2(bytes);
    read_header(&reader, bytes->data, bytes->length);
    assert_int_equal(reader.state, PROXY_HEADER_BAD);
    assert_non_null(strstr(reader.fault, fault));
}

TEST(values_that_reach_too_far)
{
    static struct bytes bytes;

    start_tcp4(&bytes);
    put(&bytes, "\x02\0\x05xxxx", 7);
    assert_refused(&bytes, "behind its end");
    start_tcp4(&bytes);
    put(&bytes, "\x02\xff\xff", 3);
    assert_refused(&bytes, "behind its end");
    start_tcp4(&bytes);
    put(&bytes, "\x02\0", 2);
    assert_refused(&bytes, "inside of a value");
    start_tcp4(&bytes);
    put(&bytes, "\x02", 1);
    assert_refused(&bytes, "inside of a value");
    /* The value inside ends behind the TLS part, though not behind all. */
    start_tcp4(&bytes);
    put_tlv(&bytes, 0x20, "\x01\0\0\0\0\x21\0\x07TLSv1.", 14);
    put_tlv(&bytes, 0x04, "padding", 7);
    assert_refused(&bytes, "behind its end");
    /* And so does the head of one. */
    start_tcp4(&bytes);
    put_tlv(&bytes, 0x20, "\x01\0\0\0\0\x21\0", 7);
    put_tlv(&bytes, 0x04, "", 0);
    assert_refused(&bytes, "behind its end");
    start_tcp4(&bytes);
    put_tlv(&bytes, 0x20, "\x01\0\0\0", 4);
    assert_refused(&bytes, "TLS part");
}

TEST(checksum)
{
    static struct bytes bytes;
    struct proxy_reader reader;

    assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
    start_tcp4(&bytes);
    put_tlv(&bytes, 0x02, "mx.example.com", 14);
    size_t at = bytes.length + 3;
    put_tlv(&bytes, 0x03, "\0\0\0\0", 4);
    put_tlv(&bytes, 0x04, "behind", 6);
    end_v2(&bytes);
    put_sum(&bytes, at);
    read_header(&reader, bytes.data, bytes.length);
    assert_int_equal(reader.state, PROXY_HEADER_DONE);
    /* A byte that is changed is noticed, one of the sum too. (Of a type or a
     * length it may turn the sum into something else.) */
    for (size_t i = 16; i < bytes.length; i++) {
        if ((i >= 28 && i < 31) || (i >= at - 3 && i < at))
            continue;
        bytes.data[i] ^= 0x40;
        read_pieces(&reader, bytes.data, bytes.length, bytes.length, 1);
        assert_int_not_equal(reader.state, PROXY_HEADER_DONE);
        bytes.data[i] ^= 0x40;
    }
    put_tlv(&bytes, 0x03, "\0\0\0\0", 4);
    assert_refused(&bytes, "malformed checksum");
    start_tcp4(&bytes);
    put_tlv(&bytes, 0x03, "\0\0\0\0\0", 5);
    assert_refused(&bytes, "malformed checksum");
}

RUN_TESTS(NULL, NULL)
