/*
 * test_notice_table.c - when there is something to tell of a key, and how many
 * keys there can be.
 */
#include "tests/unit/unit.h"

#include "common/engine/notice_table.h"

#define EVERY_MS 3600000
#define STEP_MS  60000
#define NOW_MS   1000

static struct notice_entry *entry_of(struct notice_table *table, uint64_t hash)
{
    struct notice_entry *entry = notice_table_get(table, hash, NOW_MS);

    assert_non_null(entry);
    entry->notice.every_ms = EVERY_MS;
    return entry;
}

/* The store has had it told: by us, or by another. */
static void answer(struct notice_entry *entry, uint32_t told, bool is_left,
    uint64_t now_ms, bool is_shared)
{
    entry->count = 0;
    entry->told += told;
    entry->is_left = is_left;
    entry->until_ms = now_ms + EVERY_MS;
    notice_entry_schedule(entry, is_shared, now_ms);
}

TEST(the_first_is_due_at_once)
{
    struct notice_table *table = notice_table_new();
    struct notice_entry *entry = entry_of(table, 1);

    assert_null(notice_table_next(table));
    notice_entry_see(entry, true, NOW_MS);
    assert_ptr_equal(notice_table_next(table), entry);
    assert_int_equal(entry->due_ms, NOW_MS);
    answer(entry, 1, false, NOW_MS, true);
    assert_int_equal(entry->due_ms, NOW_MS);
    entry->told = 0;
    notice_entry_schedule(entry, true, NOW_MS);
    assert_null(notice_table_next(table));
    notice_table_free(&table);
}

/* What comes within a period waits for its end; with others that count it goes
 * to the store before. */
TEST(a_period)
{
    for (int is_shared = 0; is_shared < 2; is_shared++) {
        struct notice_table *table = notice_table_new();
        struct notice_entry *entry = entry_of(table, 1);
        uint64_t end_ms = NOW_MS + EVERY_MS;
        answer(entry, 0, false, NOW_MS, is_shared);
        assert_int_equal(entry->due_ms, 0);
        for (uint32_t i = 1; i < 5; i++) {
            notice_entry_see(entry, is_shared, NOW_MS + i);
            assert_int_equal(entry->count, i);
            assert_int_equal(
                entry->due_ms, is_shared ? NOW_MS + 1 + STEP_MS : end_ms);
        }
        /* Told to the store: somebody has to come at the end. */
        entry->count = 0;
        entry->is_left = true;
        notice_entry_schedule(entry, is_shared, NOW_MS + STEP_MS);
        assert_int_equal(entry->due_ms, end_ms);
        notice_entry_see(entry, is_shared, end_ms - 10);
        assert_int_equal(entry->due_ms, end_ms);
        notice_entry_see(entry, is_shared, end_ms + 10);
        assert_int_equal(entry->due_ms, end_ms);
        notice_table_free(&table);
    }
}

TEST(the_first_due_comes_first)
{
    struct notice_table *table = notice_table_new();

    notice_entry_see(entry_of(table, 1), false, NOW_MS + 20);
    notice_entry_see(entry_of(table, 2), false, NOW_MS + 10);
    notice_entry_see(entry_of(table, 3), false, NOW_MS + 30);
    assert_ptr_equal(notice_table_next(table), entry_of(table, 2));
    notice_table_free(&table);
}

/* Who has something to tell, or must not be told of again yet, stays. */
TEST(it_is_bounded)
{
    struct notice_table *table = notice_table_new();

    for (uint64_t i = 0; i < NOTICE_ENTRIES_MAX; i++)
        notice_entry_see(entry_of(table, i), false, NOW_MS);
    assert_null(notice_table_get(table, NOTICE_ENTRIES_MAX, NOW_MS));
    answer(entry_of(table, 7), 0, false, NOW_MS, false);
    assert_null(notice_table_get(table, NOTICE_ENTRIES_MAX, NOW_MS));
    assert_non_null(
        notice_table_get(table, NOTICE_ENTRIES_MAX, NOW_MS + EVERY_MS));
    notice_entry_see(entry_of(table, NOTICE_ENTRIES_MAX), false, NOW_MS);
    assert_null(notice_table_get(table, 7, NOW_MS + EVERY_MS));
    assert_int_equal(entry_of(table, 8)->count, 1);
    notice_table_free(&table);
}

RUN_TESTS(NULL, NULL)
