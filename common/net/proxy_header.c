/*
 * proxy_header.c - one byte at a time: what a byte is follows from how many
 * came before it, so pieces need no care, and no length is believed before it
 * was held against the end.
 *
 * A TLV of an unknown type, and a value that is too long to keep, are passed
 * over. The TLVs inside of the TLS part (PP2_TYPE_SSL) are read as the others
 * are, but may not reach behind its end.
 */
#include "common/net/proxy_header.h"

#include "common/base/decimal.h"
#include "common/base/hex.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define V1_START     "PROXY "
#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_HEAD      16 /* signature, command, family, length */
#define V2_COMMAND   12
#define V2_FAMILY    13
#define V2_LENGTH    14

enum {
    COMMAND_LOCAL = 0x20,
    COMMAND_PROXY = 0x21,
    STREAM_INET = 0x11,
    STREAM_INET6 = 0x21,
    TRANSPORT_MAX = 2, /* unspecified, stream, datagram */
};

enum {
    TLV_HEAD = 3, /* type and length */
    TLV_AUTHORITY = 0x02,
    TLV_CRC32C = 0x03,
    TLV_UNIQUE_ID = 0x05,
    TLV_TLS = 0x20,         /* flags, the result of a check, TLVs */
    TLV_TLS_VERSION = 0x21, /* in the TLS part only */
    TLV_AWS = 0xea,
    TLV_AZURE = 0xee,
    SUBTYPE_ENDPOINT = 1, /* first byte of both clouds' values */
    TLS_FIXED = 5,        /* bytes before the TLVs of the TLS part */
    TLS_CLIENT = 1,       /* of its flags: the client spoke TLS */
};

static void fail(struct proxy_reader *reader, const char *fault)
{
    reader->state = PROXY_HEADER_BAD;
    reader->fault = fault;
}

/* CRC32C (RFC 3720, B.4), four bits at a time. */
static uint32_t checksum_step(uint32_t sum, uint8_t byte)
{
    static const uint32_t of_nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede,
        0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78,
        0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a,
        0xf36e6f75};

    sum ^= byte;
    sum = sum >> 4 ^ of_nibble[sum & 15];
    return sum >> 4 ^ of_nibble[sum & 15];
}

static unsigned read_16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/*
 * Version 1
 */

/* The text up to the next space, or up to the end of the line for the last. */
static bool take_word(const char **at, char *word_r, size_t size)
{
    size_t length = strcspn(*at, " ");

    if (length == 0 || length >= size)
        return false;
    memcpy(word_r, *at, length);
    word_r[length] = '\0';
    *at += length;
    return true;
}

static bool take_space(const char **at)
{
    return *(*at)++ == ' ';
}

/* Digits, colons and dots alone: address_parse takes Postfix's forms too. */
static bool take_address(
    const char **at, bool is_ipv6, struct address *address_r)
{
    char word[ADDRESS_TEXT_SIZE];

    return take_word(at, word, sizeof(word)) &&
           word[strspn(word, "0123456789abcdefABCDEF:.")] == '\0' &&
           (strchr(word, ':') != NULL) == is_ipv6 &&
           address_parse(word, strlen(word), address_r);
}

static bool take_port(const char **at, uint16_t *port_r)
{
    const char *start = *at;
    uint64_t port;

    if (!decimal_read(at, UINT16_MAX, &port) || (*start == '0' && port != 0) ||
        (port == 0 && *at - start > 1))
        return false;
    *port_r = (uint16_t)port;
    return true;
}

/* What stands behind "PROXY ", without CR LF. */
static bool read_v1(const char *at, struct proxy_header *header)
{
    char word[8];
    bool is_ipv6;

    if (!take_word(&at, word, sizeof(word)))
        return false;
    if (strcmp(word, "UNKNOWN") == 0)
        return true;
    is_ipv6 = strcmp(word, "TCP6") == 0;
    return (is_ipv6 || strcmp(word, "TCP4") == 0) && take_space(&at) &&
           take_address(&at, is_ipv6, &header->client) && take_space(&at) &&
           take_address(&at, is_ipv6, &header->server) && take_space(&at) &&
           take_port(&at, &header->client_port) && take_space(&at) &&
           take_port(&at, &header->server_port) && *at == '\0';
}

static void add_v1(struct proxy_reader *reader, uint8_t byte)
{
    const size_t start = sizeof(V1_START) - 1;
    size_t length = reader->at;

    reader->head[reader->at++] = byte;
    if (length < start) {
        if (byte != V1_START[length])
            fail(reader, "no PROXY header");
    } else if (byte == '\n') {
        if (reader->head[length - 1] != '\r' ||
            memchr(reader->head, '\0', length) != NULL) {
            fail(reader, "malformed PROXY header");
            return;
        }
        reader->head[length - 1] = '\0';
        if (read_v1((const char *)reader->head + start, &reader->header))
            reader->state = PROXY_HEADER_DONE;
        else
            fail(reader, "malformed PROXY header");
    } else if (reader->at == sizeof(reader->head)) {
        fail(reader, "PROXY header of more than 107 bytes");
    }
}

/*
 * Version 2
 */

static void take_inet_end(
    const uint8_t *bytes, bool is_ipv6, struct address *address_r)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

    memcpy(&ipv4.sin_addr, bytes, sizeof(ipv4.sin_addr));
    memcpy(&ipv6.sin6_addr, bytes, sizeof(ipv6.sin6_addr));
    address_from_sockaddr(
        is_ipv6 ? (struct sockaddr *)&ipv6 : (struct sockaddr *)&ipv4,
        address_r, NULL);
}

/* The addresses are there. Those of datagrams or AF_UNIX name no client. */
static void take_addresses(struct proxy_reader *reader)
{
    struct proxy_header *header = &reader->header;
    const uint8_t *block = reader->head + V2_HEAD;
    uint8_t family = reader->head[V2_FAMILY];
    bool is_ipv6 = family == STREAM_INET6;
    size_t size = is_ipv6 ? 16 : 4;

    if (family != STREAM_INET && family != STREAM_INET6)
        return;
    take_inet_end(block, is_ipv6, &header->client);
    take_inet_end(block + size, is_ipv6, &header->server);
    header->client_port = (uint16_t)read_16(block + 2 * size);
    header->server_port = (uint16_t)read_16(block + 2 * size + 2);
}

/* The first 16 bytes are there. What a local connection has behind them is to
 * be discarded, its family included; of UNSPEC nothing says where TLVs begin.
 */
static void take_v2_head(struct proxy_reader *reader)
{
    static const uint8_t sizes[] = {0, 12, 36, 216}; /* by family */
    uint8_t command = reader->head[V2_COMMAND];
    unsigned family = reader->head[V2_FAMILY] >> 4;
    unsigned transport = reader->head[V2_FAMILY] & 15;
    unsigned length = read_16(reader->head + V2_LENGTH);

    reader->end = reader->tlvs = V2_HEAD + length;
    if (command == COMMAND_LOCAL) {
        reader->header.is_local = true;
    } else if (command != COMMAND_PROXY) {
        fail(reader, "PROXY header of an unknown version or command");
    } else if (family >= sizeof(sizes) || transport > TRANSPORT_MAX) {
        fail(reader, "PROXY header of an unknown address family");
    } else if (length < sizes[family]) {
        fail(reader, "PROXY header that is shorter than its addresses");
    } else if (sizes[family] > 0) {
        reader->tlvs = V2_HEAD + sizes[family];
    }
}

/* A text that fits and has no NUL inside; a second one is passed over. */
static void take_text(
    char *text_r, size_t size, const uint8_t *bytes, size_t length)
{
    if (text_r[0] == '\0' && length < size && !memchr(bytes, '\0', length))
        memcpy(text_r, bytes, length);
}

/* The lowest byte comes first. */
static void take_link(struct proxy_header *header, const uint8_t *bytes)
{
    unsigned long link = (unsigned long)bytes[3] << 24 |
                         (unsigned long)bytes[2] << 16 |
                         (unsigned long)bytes[1] << 8 | bytes[0];

    snprintf(header->endpoint, sizeof(header->endpoint), "%lu", link);
}

static void take_value(struct proxy_reader *reader, uint8_t type,
    const uint8_t *value, size_t length)
{
    struct proxy_header *header = &reader->header;

    switch (type) {
    case TLV_AUTHORITY:
        take_text(header->authority, sizeof(header->authority), value, length);
        break;
    case TLV_CRC32C:
        reader->said_sum = (uint32_t)read_16(value) << 16 | read_16(value + 2);
        break;
    case TLV_UNIQUE_ID:
        if (length <= PROXY_UNIQUE_ID_MAX)
            hex_write(header->unique_id, value, length);
        break;
    case TLV_TLS:
        header->is_tls = value[0] & TLS_CLIENT;
        break;
    case TLV_AWS:
        if (length > 0 && value[0] == SUBTYPE_ENDPOINT)
            take_text(header->endpoint, sizeof(header->endpoint), value + 1,
                length - 1);
        break;
    case TLV_AZURE:
        if (length == 5 && value[0] == SUBTYPE_ENDPOINT)
            take_link(header, value + 1);
        break;
    default:
        break;
    }
}

/* Of the TLS part, only what stands before its own TLVs is one TLV here. */
static void begin_tlv(struct proxy_reader *reader)
{
    uint32_t length = read_16(reader->tlv + 1);
    uint32_t end;

    reader->is_inside = reader->at - reader->got < reader->tls_end;
    end = reader->is_inside ? reader->tls_end : reader->end;
    reader->size = reader->got + length;
    if (reader->at + length > end) {
        fail(reader, "PROXY header with a value that reaches behind its end");
    } else if (reader->is_inside) {
        return;
    } else if (reader->tlv[0] == TLV_CRC32C) {
        if (length != 4 || reader->is_summed)
            fail(reader, "PROXY header with a malformed checksum");
        reader->is_summed = true;
    } else if (reader->tlv[0] == TLV_TLS) {
        if (length < TLS_FIXED)
            fail(reader, "PROXY header with a malformed TLS part");
        reader->tls_end = reader->at + length;
        reader->size = reader->got + TLS_FIXED;
    }
}

static void end_tlv(struct proxy_reader *reader)
{
    const uint8_t *value = reader->tlv + TLV_HEAD;
    size_t length = reader->size - TLV_HEAD;

    if (!reader->is_inside)
        take_value(reader, reader->tlv[0], value, length);
    else if (reader->tlv[0] == TLV_TLS_VERSION)
        take_text(reader->header.tls_version,
            sizeof(reader->header.tls_version), value, length);
    reader->got = 0;
}

static void add_tlv(struct proxy_reader *reader, uint8_t byte)
{
    if (reader->got < sizeof(reader->tlv))
        reader->tlv[reader->got] = byte;
    reader->got++;
    if (reader->got == TLV_HEAD)
        begin_tlv(reader);
    if (reader->got >= TLV_HEAD && reader->got == reader->size)
        end_tlv(reader);
}

/* The four bytes of the sum itself count as zeros. */
static void add_to_sum(struct proxy_reader *reader, uint8_t byte)
{
    bool is_sum = reader->got >= TLV_HEAD && reader->tlv[0] == TLV_CRC32C &&
                  !reader->is_inside;

    reader->sum = ~checksum_step(~reader->sum, is_sum ? 0 : byte);
}

static void end_v2(struct proxy_reader *reader)
{
    if (reader->got > 0)
        fail(reader, "PROXY header that ends inside of a value");
    else if (reader->is_summed && reader->said_sum != reader->sum)
        fail(reader, "PROXY header with a wrong checksum");
    else
        reader->state = PROXY_HEADER_DONE;
}

static void add_v2(struct proxy_reader *reader, uint8_t byte)
{
    uint32_t at = reader->at++;

    add_to_sum(reader, byte);
    if (at < V2_HEAD || at < reader->tlvs) {
        if (at < sizeof(reader->head))
            reader->head[at] = byte;
        if (at < V2_COMMAND && byte != (uint8_t)V2_SIGNATURE[at])
            fail(reader, "no PROXY header");
        else if (reader->at == V2_HEAD)
            take_v2_head(reader);
        if (reader->at >= V2_HEAD && reader->at == reader->tlvs &&
            !reader->header.is_local)
            take_addresses(reader);
    } else {
        add_tlv(reader, byte);
    }
    if (reader->state == PROXY_HEADER_MORE && reader->at >= V2_HEAD &&
        reader->at == reader->end)
        end_v2(reader);
}

size_t proxy_header_read(
    struct proxy_reader *reader, const uint8_t *bytes, size_t length)
{
    size_t used = 0;

    while (used < length && reader->state == PROXY_HEADER_MORE) {
        uint8_t first = reader->at > 0 ? reader->head[0] : bytes[used];
        if (first == (uint8_t)V2_SIGNATURE[0])
            add_v2(reader, bytes[used++]);
        else
            add_v1(reader, bytes[used++]);
    }
    return used;
}
