/*
 * socketmap_request.h - a lookup in the socketmap protocol: the netstring
 * "LENGTH:MAP KEY,". Pure: no I/O, no allocation.
 *
 * Source: https://www.postfix.org/socketmap_table.5.html; netstrings: D. J.
 * Bernstein.
 */
#ifndef TOLLGATE_POLICYD_SOCKETMAP_REQUEST_H
#define TOLLGATE_POLICYD_SOCKETMAP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define SOCKETMAP_TEXT_MAX    4096 /* of the map's name and the key */
#define SOCKETMAP_REQUEST_MAX (SOCKETMAP_TEXT_MAX + sizeof "4096:,")
#define SOCKETMAP_NAME_SIZE   254 /* a host name, with its NUL */

enum socketmap_result { SOCKETMAP_DONE, SOCKETMAP_MORE, SOCKETMAP_BAD };

struct socketmap_request {
    const char *key; /* a slice of the bytes that were parsed */
    size_t key_len;
    const char *reason; /* of SOCKETMAP_BAD */
};

/* used_r: bytes of the request, if it is done. */
enum socketmap_result socketmap_request_parse(const char *bytes, size_t len,
    size_t *used_r, struct socketmap_request *request_r);

/*
 * The key as a host name, in lower case. False: it is none; so are the keys
 * with a leading dot, by which Postfix asks for parent domains: they would
 * match deeper than a wildcard does.
 */
bool socketmap_request_name(
    const struct socketmap_request *, char name_r[SOCKETMAP_NAME_SIZE]);

#endif
