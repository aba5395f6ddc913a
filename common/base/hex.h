/*
 * hex.h - bytes as text: digests, fingerprints, identities.
 */
#ifndef TOLLGATE_BASE_HEX_H
#define TOLLGATE_BASE_HEX_H

#include <stddef.h>

/* Two lower-case digits a byte, and a NUL: 2 * len + 1 bytes. Returns text. */
char *hex_write(char *text, const void *bytes, size_t len);

#endif
