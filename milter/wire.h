/*
 * wire.h - the milter protocol, as much of it as turning a session away takes.
 *
 * Pure. A packet is a length of four bytes, a command and its data, which may
 * come in any pieces. Only the beginning of a long packet is kept; a length
 * that no MTA would send is an error.
 *
 * Source: Sendmail's libmilter, mfdef.h; Postfix, src/milter/milter8.c.
 */
#ifndef TOLLGATE_MILTER_WIRE_H
#define TOLLGATE_MILTER_WIRE_H

#include "common/base/address.h"

#include <stdint.h>

#define WIRE_KEPT_MAX  512
#define WIRE_REPLY_MAX 512

enum wire_command {
    WIRE_NEGOTIATE = 'O',
    WIRE_CONNECT = 'C',
    WIRE_QUIT = 'Q',
};

/* All zero at first. */
struct wire {
    size_t have;     /* of the packet, its length included */
    uint32_t length; /* of command and data */
    unsigned char kept[WIRE_KEPT_MAX];
};

enum wire_result {
    WIRE_MORE,   /* all was taken, and the packet goes on */
    WIRE_PACKET, /* kept has one, until the next call; used_r bytes were its */
    WIRE_BAD,
};

/* Reads on. used_r: how many bytes were taken. */
enum wire_result wire_take(
    struct wire *, const char *bytes, size_t len, size_t *used_r);
/* Of the packet that wire_take has found. */
unsigned char wire_command(const struct wire *);

/* Answers to write, and how long they are; 0: the packet was malformed, or the
 * text too long. */
size_t wire_answer_negotiation(
    const struct wire *, unsigned char reply[WIRE_REPLY_MAX]);
/* text: "421 4.7.1 Error: ..." */
size_t wire_refuse(const char *text, unsigned char reply[WIRE_REPLY_MAX]);

/* The client that a CONNECT names; false: none that is an address. */
bool wire_client(const struct wire *, struct address *client_r);

#endif
