/*
 * hash.h - SipHash-1-3 with a random key per process, for tables whose keys
 * strangers choose (addresses, senders): nobody can aim at one bucket.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
#ifndef TOLLGATE_BASE_HASH_H
#define TOLLGATE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

/* From getrandom(2); aborts if the kernel has none. */
void hash_key_init(struct hash_key *);
uint64_t hash_bytes(const struct hash_key *, const void *bytes, size_t len);

#endif
