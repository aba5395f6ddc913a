/*
 * wire.c - see wire.h.
 *
 * What cannot be read is answered as if it had been nothing: who is turned
 * away does not depend on what he says.
 */
#include "milter/wire.h"

#include <string.h>

#define HEAD_SIZE  4
#define LENGTH_MAX 65536 /* more than any MTA sends in one packet */
#define VERSION    6
#define REPLY_CODE 'y'

static uint32_t read_number(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_number(unsigned char *bytes, uint32_t number)
{
    for (int i = 0; i < HEAD_SIZE; i++)
        bytes[i] = (unsigned char)(number >> (24 - 8 * i));
}

/* False: that cannot be a length. */
static bool take_head(struct wire *wire, unsigned char byte)
{
    wire->length = wire->length << 8 | byte;
    wire->have++;
    return wire->have < HEAD_SIZE ||
           (wire->length > 0 && wire->length <= LENGTH_MAX);
}

static size_t take_body(struct wire *wire, const char *bytes, size_t len)
{
    size_t at = wire->have - HEAD_SIZE;
    size_t more = wire->length - at < len ? wire->length - at : len;

    if (at < WIRE_KEPT_MAX)
        memcpy(wire->kept + at, bytes,
            more < WIRE_KEPT_MAX - at ? more : WIRE_KEPT_MAX - at);
    wire->have += more;
    return more;
}

static bool is_whole(const struct wire *wire)
{
    return wire->have >= HEAD_SIZE && wire->have - HEAD_SIZE == wire->length;
}

enum wire_result wire_take(
    struct wire *wire, const char *bytes, size_t len, size_t *used_r)
{
    size_t used = 0;

    if (is_whole(wire))
        wire->have = wire->length = 0;
    while (used < len && wire->have < HEAD_SIZE)
        if (!take_head(wire, (unsigned char)bytes[used++]))
            return WIRE_BAD;
    if (used < len)
        used += take_body(wire, bytes + used, len - used);
    *used_r = used;
    return is_whole(wire) ? WIRE_PACKET : WIRE_MORE;
}

static size_t kept_length(const struct wire *wire)
{
    return wire->length < WIRE_KEPT_MAX ? wire->length : WIRE_KEPT_MAX;
}

unsigned char wire_command(const struct wire *wire)
{
    return wire->kept[0];
}

/* Version, what we would change, what we need not see: nothing, nothing. */
size_t wire_answer_negotiation(
    const struct wire *wire, unsigned char reply[WIRE_REPLY_MAX])
{
    const uint32_t length = 1 + 3 * 4;

    if (kept_length(wire) < length)
        return 0;
    uint32_t theirs = read_number(wire->kept + 1);
    write_number(reply, length);
    reply[HEAD_SIZE] = WIRE_NEGOTIATE;
    write_number(reply + HEAD_SIZE + 1, theirs < VERSION ? theirs : VERSION);
    write_number(reply + HEAD_SIZE + 5, 0);
    write_number(reply + HEAD_SIZE + 9, 0);
    return HEAD_SIZE + length;
}

size_t wire_refuse(const char *text, unsigned char reply[WIRE_REPLY_MAX])
{
    size_t len = strlen(text) + 1;

    if (len > WIRE_REPLY_MAX - HEAD_SIZE - 1)
        return 0;
    write_number(reply, (uint32_t)len + 1);
    reply[HEAD_SIZE] = REPLY_CODE;
    memcpy(reply + HEAD_SIZE + 1, text, len);
    return HEAD_SIZE + 1 + len;
}

/* A name with its NUL, the family, a port, and the address with its NUL. */
bool wire_client(const struct wire *wire, struct address *client_r)
{
    const unsigned char *end = wire->kept + kept_length(wire);
    const unsigned char *name = wire->kept + 1;

    *client_r = (struct address){.family = ADDRESS_NONE};
    const unsigned char *name_end =
        name < end ? memchr(name, '\0', (size_t)(end - name)) : NULL;
    if (name_end == NULL || end - name_end < 4 ||
        (name_end[1] != '4' && name_end[1] != '6'))
        return false;
    const char *address = (const char *)name_end + 4;
    size_t room = (size_t)((const char *)end - address);
    return address_parse(address, strnlen(address, room), client_r);
}
