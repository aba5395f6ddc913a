/*
 * dialogue.h - lines to and from a server, in clear or under TLS, with one
 * deadline for all of them.
 *
 * Blocks: for a process of its own. The server is not trusted: its certificate
 * is looked at, and not verified; what it says is bounded here, and escaped
 * where it is repeated.
 */
#ifndef TOLLGATE_CERTS_DIALOGUE_H
#define TOLLGATE_CERTS_DIALOGUE_H

#include "common/base/error.h"
#include "common/config/config.h"

#include <openssl/ssl.h>
#include <stdint.h>

#define DIALOGUE_LINE_MAX 2048 /* bytes of a line that is read */

struct dialogue {
    int fd;   /* -1: none */
    SSL *ssl; /* NULL: in clear */
    uint64_t until_ms;
    char buffer[DIALOGUE_LINE_MAX]; /* has been read, and not been asked for */
    size_t len;
};

/* What a client offers. */
struct dialogue_tls {
    const char *name;       /* of SNI; NULL: none */
    const char *algorithms; /* of signatures, as OpenSSL lists them */
};

/* To the first address of the host that answers, with a PROXY header if the
 * place wants one; dialogue_end follows whatever comes of it. */
bool dialogue_begin(struct dialogue *, const struct config_verify_place *,
    unsigned timeout_ms, struct error *err);
/* What has been read in clear is forgotten. */
bool dialogue_start_tls(
    struct dialogue *, const struct dialogue_tls *, struct error *err);
/* The text as it is. */
bool dialogue_put(struct dialogue *, const char *text, struct error *err);
/* Without its end of line, and NUL-terminated. */
bool dialogue_get_line(
    struct dialogue *, char line_r[DIALOGUE_LINE_MAX], struct error *err);
/* "127.0.0.1" or "IPv6:::1", our own end, as an address literal has it. */
const char *dialogue_own_address(const struct dialogue *, char text_r[64]);
/* Closes the connection, if there is one; may be called again. */
void dialogue_end(struct dialogue *);

#endif
