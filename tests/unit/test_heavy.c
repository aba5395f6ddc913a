/*
 * test_heavy.c - the bounds of space-saving, against an exact count.
 */
#include "tests/unit/unit.h"

#include "common/core/heavy.h"

#include <stdlib.h>
#include <string.h>

static struct heavy heavy;
static struct hash_key hash_key;

static void begin(void)
{
    memset(&heavy, 0, sizeof heavy);
    hash_key_init(&hash_key);
}

static void note(const void *bytes, size_t len, uint64_t amount, bool is_marked)
{
    struct heavy_key key = heavy_key_of(&hash_key, bytes, len);

    heavy_note(&heavy, &key, amount, is_marked);
}

static const struct heavy_slot nobody;

static const struct heavy_slot *find(const void *bytes, size_t len)
{
    len = len < HEAVY_KEY_SIZE ? len : HEAVY_KEY_SIZE;
    for (size_t i = 0; i < heavy.used; i++)
        if (heavy.slots[i].key_len == len &&
            memcmp(heavy.slots[i].key, bytes, len) == 0)
            return &heavy.slots[i];
    return &nobody;
}

TEST(few_keys_are_exact)
{
    begin();
    note("a", 1, 1, true);
    note("bb", 2, 5, false);
    note("b", 1, 2, false);
    note("a", 1, 3, false);
    assert_int_equal(heavy.total, 11);
    assert_int_equal(heavy_unlisted(&heavy), 0);
    assert_int_equal(heavy.used, 3);
    assert_int_equal(find("bb", 2)->count, 5);
    assert_int_equal(find("a", 1)->count, 4);
    assert_int_equal(find("a", 1)->error, 0);
    assert_int_equal(find("a", 1)->marked, 1);
    assert_ptr_equal(find("c", 1), &nobody);
    heavy_clear(&heavy);
    assert_int_equal(heavy.used, 0);
    assert_ptr_equal(find("a", 1), &nobody);
}

TEST(long_keys_are_cut)
{
    char key[100];

    begin();
    memset(key, 'x', sizeof key);
    note(key, sizeof key, 1, false);
    key[99] = 'y';
    note(key, sizeof key, 1, false);
    assert_int_equal(heavy.used, 1);
    assert_int_equal(find(key, sizeof key)->count, 2);
}

#define KEYS 5000

/* One comes often, the others the more seldom the larger they are. */
static unsigned draw(void)
{
    unsigned bound = 1 + (unsigned)rand() % KEYS;

    return rand() % 20 == 0 ? 0 : (unsigned)rand() % bound;
}

TEST(bounds_hold)
{
    static uint64_t truth[KEYS], marked[KEYS];

    srand(4);
    begin();
    for (int i = 0; i < 200000; i++) {
        unsigned key = draw();
        uint64_t amount = 1 + (uint64_t)rand() % 3;
        bool is_marked = rand() % 4 == 0;

        truth[key] += amount;
        marked[key] += is_marked ? amount : 0;
        note(&key, sizeof key, amount, is_marked);
        if (i % 5000 != 0)
            continue;
        uint64_t sum = 0;
        for (unsigned k = 0; k < KEYS; k++) {
            const struct heavy_slot *slot = find(&k, sizeof k);
            if (slot == &nobody) {
                assert_true(truth[k] <= heavy_unlisted(&heavy));
                continue;
            }
            sum += slot->count;
            assert_true(slot->count >= truth[k]);
            assert_true(slot->count - slot->error <= truth[k]);
            assert_true(slot->marked <= marked[k]);
        }
        assert_int_equal(sum, heavy.total);
        assert_true(heavy_unlisted(&heavy) <= heavy.total / HEAVY_SLOTS);
    }
    /* The most frequent one is in the list, and known well. */
    const struct heavy_slot *first = find((unsigned[]){0}, sizeof(unsigned));
    for (size_t i = 0; i < HEAVY_SLOTS; i++)
        assert_true(first->count >= heavy.slots[i].count);
    assert_true(first->error * 10 < first->count);
}

RUN_TESTS(NULL, NULL)
