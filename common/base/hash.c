/*
 * hash.c - SipHash with one round a word and three at the end.
 *
 * Fewer rounds than SipHash-2-4, which is meant for messages that are sent;
 * a table whose hashes never leave the process does not need more.
 */
#include "common/base/hash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/random.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

void hash_key_init(struct hash_key *key)
{
    ssize_t got = getrandom(key, sizeof *key, 0);
    assert(got == (ssize_t)sizeof *key);
}

/* The last bytes of all, fewer than a word, in one: read together with the
 * ones before them, if there are any. */
static inline uint64_t read_tail(
    const unsigned char *tail, size_t left, size_t len)
{
    uint64_t word = 0;

    if (left == 0)
        return 0;
    if (len >= sizeof word) {
        memcpy(&word, tail + left - sizeof word, sizeof word);
        return le64toh(word) >> (8 * (sizeof word - left));
    }
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)tail[i] << (8 * i);
    return word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
    /* "somepseudorandomlygeneratedbytes" */
    struct sip s = {
        .v0 = key->k0 ^ 0x736f6d6570736575,
        .v1 = key->k1 ^ 0x646f72616e646f6d,
        .v2 = key->k0 ^ 0x6c7967656e657261,
        .v3 = key->k1 ^ 0x7465646279746573,
    };
    const unsigned char *in = bytes;
    size_t left = len;
    uint64_t word;
    for (; left >= sizeof word; left -= sizeof word, in += sizeof word) {
        memcpy(&word, in, sizeof word);
        sip_word(&s, le64toh(word));
    }
    sip_word(&s, (uint64_t)len << 56 | read_tail(in, left, len));
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
