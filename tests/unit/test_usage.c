/*
 * test_usage.c - what came to a limit in an hour: exact where usage.h says so,
 * within its bounds elsewhere, also as text and added up.
 */
#include "tests/unit/unit.h"

#include "common/core/usage_sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct usage usage;
static struct hash_key hash_key;

static int begin(void **state)
{
    hash_key_init(&hash_key);
    usage_clear(&usage, 495000);
    return 0;
}

static void note(const char *key, uint32_t used, uint64_t window, bool refused)
{
    const struct usage_event event = {
        .key = heavy_key_of(&hash_key, key, strlen(key)),
        .amount = 1,
        .used = used,
        .allowed = 100,
        .window = window,
        .is_refused = refused};

    usage_note(&usage, &event);
}

TEST(buckets)
{
    unsigned before = 0;

    for (uint64_t use = 0; use <= UINT32_MAX; use += 1 + use / 50) {
        unsigned bucket = usage_bucket((uint32_t)use);
        uint32_t last = usage_bucket_last(bucket);

        assert_true(bucket < USAGE_BUCKETS);
        assert_true(bucket == before || bucket == before + 1);
        assert_true(last >= use && last <= use + use / 4);
        assert_int_equal(usage_bucket(last), bucket);
        before = bucket;
    }
    assert_int_equal(usage_bucket(UINT32_MAX), USAGE_BUCKETS - 1);
    assert_int_equal(usage_bucket_last(USAGE_BUCKETS - 1), UINT32_MAX);
}

static const struct usage_sum *read_back(struct usage_sums *sums)
{
    char text[USAGE_TEXT_MAX];
    size_t len = usage_write(&usage, "per-login", text);

    assert_true(usage_sums_read(sums, text, len));
    return sums->of[sums->count - 1];
}

static const struct top_row *row_of(
    const struct usage_sum *sum, const char *key)
{
    static const struct top_row nobody;

    for (size_t i = 0; i < sum->list.count; i++)
        if (strcmp(sum->list.rows[i].key, key) == 0)
            return &sum->list.rows[i];
    return &nobody;
}

TEST_WITH(begin, NULL, few_keys_are_exact)
{
    struct usage_sums sums = {.count = 0};

    for (uint32_t i = 1; i <= 100; i++)
        note("u=eve", i, 7, false);
    /* A shadow counts no more; what is refused in another window is another
     * use. */
    for (uint32_t i = 1; i <= 250; i++)
        note("u=eve", 100, 7, true);
    for (uint32_t i = 1; i <= 30; i++)
        note("u=eve", 100, 8, true);
    note("u=bob", 3, 7, false);
    (void)read_back(&sums);
    /* Another daemon, or hour. */
    usage_clear(&usage, 495001);
    note("u=bob", 9, 9, false);
    const struct usage_sum *sum = read_back(&sums);

    assert_int_equal(sums.count, 1);
    assert_string_equal(sum->name, "per-login");
    assert_int_equal(sum->came, 382);
    assert_int_equal(sum->refused, 280);
    assert_int_equal(sum->largest, 350);
    assert_int_equal(sum->keys, 3);
    usage_sum_settle(sums.of[0], 10);
    assert_string_equal(sum->list.rows[0].key, "u=eve");
    const struct top_row *eve = row_of(sum, "u=eve"),
                         *bob = row_of(sum, "u=bob");
    assert_int_equal(eve->least, 380);
    assert_int_equal(eve->most, 380);
    assert_int_equal(eve->refused, 280);
    assert_int_equal(eve->peak, 350);
    assert_int_equal(eve->allowed, 100);
    assert_int_equal(bob->least, 2);
    assert_int_equal(bob->most, 2);
    assert_int_equal(bob->peak, 9);
    assert_int_equal(sum->list.unlisted, 0);
    usage_sums_clear(&sums);
}

/* Of 100000 keys one in 50 uses 40, one in 500 uses 1000. */
TEST_WITH(begin, NULL, many_keys)
{
    struct usage_sums sums = {.count = 0};
    char key[32], text[USAGE_TEXT_MAX];

    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t use = i % 500 == 0 ? 1000 : i % 50 == 0 ? 40 : 3;
        (void)snprintf(key, sizeof key, "c=2001:db8:%x::/64", i);
        note(key, use, 1, false);
    }
    /* Who comes late is found all the same. */
    for (uint32_t i = 1; i <= 2000; i++)
        note("c=192.0.2.1", i, 1, false);
    const struct usage_sum *sum = read_back(&sums);
    assert_true(usage_write(&usage, "x", text) <= USAGE_TEXT_MAX);
    assert_int_equal(sum->came, 102000);
    assert_int_equal(sum->largest, 2000);
    assert_true(usage.key_count <= USAGE_KEYS_MAX);
    assert_true(usage.level > 0);
    /* Drawn by lot: 5 standard deviations of what is left of 100000. */
    assert_between(sum->keys, 75000, 125000);
    assert_int_equal(usage_sum_percentile(sum, 500), 3);
    assert_int_equal(usage_sum_percentile(sum, 970), 3);
    assert_true(usage_sum_percentile(sum, 1000) >= 40);
    assert_true(row_of(sum, "c=192.0.2.1")->least > 1500);
    assert_true(row_of(sum, "c=192.0.2.1")->peak == 2000);
    usage_sums_clear(&sums);
}

TEST_WITH(begin, NULL, percentiles)
{
    struct usage_sums sums = {.count = 0};
    char key[32];

    /* Of 1000 keys each uses another number, and one is far out. */
    for (uint32_t i = 1; i <= 1000; i++) {
        (void)snprintf(key, sizeof key, "u=%u", i);
        note(key, i == 1000 ? 60000 : i, 1, false);
    }
    const struct usage_sum *sum = read_back(&sums);
    assert_int_equal(sum->keys, 1000);
    assert_between(usage_sum_percentile(sum, 999), 999, 999 + 999 / 4);
    assert_between(usage_sum_percentile(sum, 500), 500, 500 + 500 / 4);
    assert_between(usage_sum_percentile(sum, 1000), 60000, 75000);
    usage_sums_clear(&sums);
}

TEST(what_is_no_record)
{
    static const char *const texts[] = {"", "usage", "usage 1 2 3 4 5 a",
        "usage 1 2 3 4 5 a\n", "usage 1 2 3 4 a\npeaks\n",
        "usage 1 2 3 4 5 \npeaks\n", "usage 1 -2 3 4 5 a\npeaks\n",
        "usage 1 2 3 4294967296 5 a\npeaks\n",
        "usage 99999999999999999999 2 3 4 5 a\npeaks\n",
        "usage 1 2 3 4 5 a\npeaks 124:1\n", "usage 1 2 3 4 5 a\npeaks 1\n",
        "usage 1 2 3 4 5 a\npeaks 1:\n",
        "usage 1 2 3 4 5 a\npeaks\n1 2 3 4 5\n",
        "usage 1 2 3 4 5 a\npeaks\n2 1 0 4 5 k\n",
        "usage 1 2 3 4 5 a\npeaks\n1 2 0 4 5 k\x01\n",
        "usage 1 2 3 4 5 a\npeaks\n1 2 0 4 5 k"};
    struct usage_sums sums = {.count = 0};

    for (size_t i = 0; i < COUNT(texts); i++)
        if (usage_sums_read(&sums, texts[i], strlen(texts[i])))
            fail_msg("taken: %s", texts[i]);
    assert_true(usage_sums_read(&sums, "usage 1 2 3 4 5 a\npeaks 1:2\n", 28));
    usage_sums_clear(&sums);
}

/* Keys of any bytes; as many rows as there is room for. */
TEST_WITH(begin, NULL, a_record_is_bounded)
{
    struct usage_sums sums = {.count = 0};
    char key[64];

    for (uint32_t i = 0; i < 200; i++) {
        memset(key, '\xff', sizeof key - 1);
        key[63] = '\0';
        key[0] = (char)(i + 1);
        note(key, i * i * i * 100, 1, i % 2 == 0);
    }
    const struct usage_sum *sum = read_back(&sums);
    assert_int_equal(sum->came, 200);
    assert_true(sum->list.count > 5);
    assert_true(sum->list.unlisted >= 1);
    usage_sums_clear(&sums);
}

RUN_TESTS(NULL, NULL)
