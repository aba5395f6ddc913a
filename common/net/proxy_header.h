/*
 * proxy_header.h - the PROXY protocol's header, read from a TCP connection.
 *
 * Versions 1 and 2, by the letter of HAProxy's doc/proxy-protocol.txt. Pure: no
 * descriptor, no clock. The bytes may come in pieces of any size, and what the
 * reader keeps has a fixed size, whatever length the header states.
 *
 * The caller looks at the bytes that are there (recv with MSG_PEEK), feeds
 * them, and takes off the socket as many as the reader used: those behind the
 * header are the client's.
 *
 *   header    = version1 | version2
 *   version1  = "PROXY " ( family " " client " " server " " port " " port
 *               | "UNKNOWN" [ " " ignored ] ) CR LF     ; 107 bytes at most
 *   family    = "TCP4" | "TCP6"
 *   version2  = signature command family length block   ; length: of block
 *   command   = 0x20 (LOCAL: block is ignored) | 0x21 (PROXY)
 *   block     = addresses *tlv     ; addresses: 0, 12, 36 or 216 bytes
 *   tlv       = type length value  ; lengths: 16 bits, the higher byte first
 */
#ifndef TOLLGATE_NET_PROXY_HEADER_H
#define TOLLGATE_NET_PROXY_HEADER_H

#include "common/base/address.h"

#include <stddef.h>

#define PROXY_UNIQUE_ID_MAX 128 /* bytes; the specification's own bound */

/* What a header says. Texts are the sender's, not to be logged without
 * escaping; "" where the header has none, or a longer one than fits. */
struct proxy_header {
    bool is_local; /* the proxy's own connection (LOCAL): no client is behind */
    /* Of another family than IPv4 and IPv6 (UNKNOWN, UNSPEC, AF_UNIX), of
     * datagrams, and of a local one: ADDRESS_NONE and 0. */
    struct address client, server;
    uint16_t client_port, server_port;
    bool is_tls;          /* the client came to the proxy over TLS */
    char tls_version[16]; /* "TLSv1.3" */
    char authority[256];  /* the name that the client asked for (SNI) */
    char unique_id[2 * PROXY_UNIQUE_ID_MAX + 1]; /* in hexadecimal digits */
    char endpoint[64]; /* AWS: the VPC endpoint; Azure: the link's number */
};

enum proxy_header_state {
    PROXY_HEADER_MORE, /* all bytes were the header's, which goes on */
    PROXY_HEADER_DONE, /* header is filled */
    PROXY_HEADER_BAD,  /* not a header, or a broken one: fault says what */
};

/* Of one connection, without pointers to itself; all zero: nothing was read. */
struct proxy_reader {
    enum proxy_header_state state;
    struct proxy_header header; /* to be read when DONE */
    const char *fault;          /* static text when BAD: "wrong checksum" */
    uint32_t at;                /* bytes read */

    /* Private. */
    uint32_t end;      /* version 2: bytes in all */
    uint32_t tlvs;     /* bytes before the TLVs; end: there are none to read */
    uint32_t tls_end;  /* bytes before the end of the TLS part */
    uint32_t got;      /* bytes of the present TLV; 0: none has begun */
    uint32_t size;     /* of the present TLV, type and length included */
    bool is_inside;    /* the present TLV lies in the TLS part */
    uint32_t sum;      /* CRC32C so far */
    uint32_t said_sum; /* what the header says of it, if is_summed */
    bool is_summed;
    uint8_t head[107];    /* version 1: the line; 2: what is before the TLVs */
    uint8_t tlv[3 + 256]; /* the beginning of the present TLV */
};

/*
 * Reads on. Returns how many of the bytes are the header's: all of them while
 * MORE, maybe fewer when DONE. When BAD, the number says nothing. Not to be
 * called after DONE or BAD. A header has at most 107 bytes in version 1, and
 * 16 + 65535 in version 2.
 */
size_t proxy_header_read(
    struct proxy_reader *, const uint8_t *bytes, size_t length);

#endif
