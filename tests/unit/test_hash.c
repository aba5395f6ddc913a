/*
 * test_hash.c - SipHash-1-3 against vectors made elsewhere.
 *
 * With the key 00..0f: from a separate implementation that also gives the
 * paper's vector for 2-4. With the key 0: CPython 3.11's hash() of the same
 * bytes under PYTHONHASHSEED=0.
 */
#include "tests/unit/unit.h"

#include "common/base/hash.h"

static const struct hash_key counting = {
    .k0 = 0x0706050403020100,
    .k1 = 0x0f0e0d0c0b0a0908,
};
static const struct hash_key zero = {0};

static const struct {
    const struct hash_key *key;
    const char *bytes;
    size_t len;
    uint64_t hash;
} vectors[] = {
    {&counting, "", 0, 0xabac0158050fc4dc},
    {&counting, "\0\1\2\3\4\5\6\7", 8, 0x369095118d299a8e},
    {&counting, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16", 15,
        0xd320d86d2a519956},
    {&counting, "198.51.100.7", 12, 0xfb3de03085a6f729},
    {&zero, "a", 1, 0x407448d2b89b1813},
    {&zero, "abcdefg", 7, 0x6db12aae9070f506},
    {&zero, "abcdefgh", 8, 0x3f7b849c0b8e35ea},
    {&zero, "198.51.100.7 and more", 21, 0xf2878dea112a6981},
};

TEST(vectors)
{
    for (size_t i = 0; i < COUNT(vectors); i++)
        assert_int_equal(
            hash_bytes(vectors[i].key, vectors[i].bytes, vectors[i].len),
            vectors[i].hash);
}

TEST(keys_differ)
{
    struct hash_key a = {0}, b = {0};
    hash_key_init(&a);
    hash_key_init(&b);
    assert_false(a.k0 == b.k0 && a.k1 == b.k1);
    assert_int_not_equal(hash_bytes(&a, "x", 1), hash_bytes(&b, "x", 1));
}

RUN_TESTS(NULL, NULL)
