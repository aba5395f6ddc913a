/*
 * test_top_list.c - sums of lists keep their bounds, also as text.
 */
#include "tests/unit/unit.h"

#include "common/core/top_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who is in no row has come 0 times. */
static const struct top_row nobody;

static const struct top_row *row_of(
    const struct top_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->rows[i].key, key) == 0)
            return &list->rows[i];
    return &nobody;
}

TEST(sources_add_up)
{
    struct top_list list = {0};

    top_list_row(&list, "a", 8, 10, 1, 2);
    top_list_row(&list, "b", 4, 4, 0, 2);
    top_list_source(&list, 20, 2, 60000);
    top_list_row(&list, "c", 9, 9, 0, 5);
    top_list_row(&list, "a", 6, 6, 6, 5);
    top_list_source(&list, 30, 5, 90000);
    top_list_settle(&list, 10);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.unlisted, 7);
    assert_int_equal(list.total, 50);
    assert_int_equal(list.span_ms, 90000);
    assert_string_equal(list.rows[0].key, "a");
    assert_int_equal(list.rows[0].least, 14);
    assert_int_equal(list.rows[0].most, 16);
    assert_int_equal(list.rows[0].refused, 7);
    /* Not named by the other source: up to its unlisted more. */
    assert_int_equal(row_of(&list, "c")->least, 9);
    assert_int_equal(row_of(&list, "c")->most, 11);
    assert_int_equal(row_of(&list, "b")->most, 9);
    /* Settled once more it is the same. */
    top_list_settle(&list, 10);
    assert_int_equal(list.rows[0].most, 16);
    top_list_settle(&list, 1);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.unlisted, 11);
    top_list_clear(&list);
    top_list_settle(&list, 1);
    assert_int_equal(list.count, 0);
}

/* As keys that are cut at their size may: its `unlisted` counts once. */
TEST(a_source_names_a_key_twice)
{
    static struct top_lists lists;
    struct top_list *list = &lists.of[FACE_POLICY][EVENT_MESSAGE];
    static const char text[] = "list policy message 20 2 1\n"
                               "4 5 0 a\n3 3 1 a\n"
                               "list policy message 9 7 1\n"
                               "8 9 0 b\n";

    assert_true(top_lists_read(&lists, text, sizeof text - 1));
    top_list_settle(list, 10);
    assert_int_equal(list->count, 2);
    assert_int_equal(row_of(list, "a")->least, 7);
    assert_int_equal(row_of(list, "a")->most, 5 + 3 + 7);
    assert_int_equal(row_of(list, "b")->most, 9 + 2);
    top_lists_clear(&lists);
}

/* Into a text of `size`, and back. */
static void carry(const struct top_list *list, struct top_lists *lists,
    size_t size, size_t rows)
{
    char *text = malloc(size);
    size_t len = top_list_write(list, FACE_POLICY, EVENT_MESSAGE, text, size);

    assert_between(len, 1, size);
    assert_true(top_lists_read(lists, text, len));
    assert_int_equal(lists->of[FACE_POLICY][EVENT_MESSAGE].count, rows);
    free(text);
}

TEST(text)
{
    static struct top_lists lists;
    struct top_list list = {0};
    char key[16], text[40];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(key, sizeof key, "sasl:a b%d", i);
        top_list_row(&list, key, (uint64_t)(90 - i), (uint64_t)(100 - i), 3, 1);
    }
    top_list_source(&list, 5000, 1, 61000);
    top_list_settle(&list, 20);
    carry(&list, &lists, 6000, 20);
    struct top_list *got = &lists.of[FACE_POLICY][EVENT_MESSAGE];
    top_list_settle(got, 20);
    assert_int_equal(got->unlisted, 1);
    assert_int_equal(got->total, 5000);
    assert_int_equal(got->span_ms, 61000);
    assert_int_equal(row_of(got, "sasl:a b3")->least, 87);
    assert_int_equal(row_of(got, "sasl:a b3")->most, 97);
    top_lists_clear(&lists);

    /* Who finds no room is allowed for. */
    carry(&list, &lists, 90, 3);
    got = &lists.of[FACE_POLICY][EVENT_MESSAGE];
    assert_int_equal(got->unlisted, 97);
    assert_int_equal(
        top_list_write(&list, FACE_POLICY, EVENT_MESSAGE, text, 20), 0);
    top_lists_clear(&lists);
    top_list_clear(&list);
}

TEST(texts_that_are_none)
{
    static const char *const texts[] = {
        "x",
        "list policy message 1 2 3",
        "list policy message 1 2\n",
        "list policy message 1 2 3 4\n",
        "list policy message -1 2 3\n",
        "list policy message 99999999999999999 2 3\n",
        "list policy\n",
        "list policy message 1 2 3\n1 2\n",
        "list policy message 1 2 3\n1 2 3\n",
        "list policy message 1 2 3\n1 2 3 \n",
        "list policy message 1 2 3\n2 1 3 a\n",
        "list policy message 1 2 3\na b c d\n",
        "list policy message 1 2 3\n\n",
    };
    static struct top_lists lists;
    char large[400], many[257 * 8 + 40];

    for (size_t i = 0; i < COUNT(texts); i++)
        if (top_lists_read(&lists, texts[i], strlen(texts[i])))
            fail_msg("taken: %s", texts[i]);
    assert_false(top_lists_read(&lists, "li\0st\n", 6));
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\n';
    assert_false(top_lists_read(&lists, large, sizeof large));
    /* More rows than any daemon sends. */
    size_t len =
        (size_t)snprintf(many, sizeof many, "list policy message 1 2 3\n");
    for (int i = 0; i < 257; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, "1 1 1 a\n");
    assert_false(top_lists_read(&lists, many, len));
    /* A face or an event of a later version. */
    static const char later[] = "list carrier pigeon 1 2 3\n1 2 3 a\n";
    top_lists_clear(&lists);
    assert_true(top_lists_read(&lists, later, sizeof later - 1));
    assert_true(top_lists_read(&lists, "", 0));
    for (unsigned face = 0; face < FACES; face++)
        assert_int_equal(lists.of[face][EVENT_MESSAGE].count, 0);
    /* Control bytes do not reach a terminal. */
    static const char evil[] = "list policy message 1 2 3\n1 2 3 a\x1b[2J\n";
    assert_false(top_lists_read(&lists, evil, sizeof evil - 1));
    top_lists_clear(&lists);
}

#define KEYS    400
#define DAEMONS 4

static void format_number(
    const struct heavy_slot *slot, char text[TOP_KEY_SIZE])
{
    unsigned key;

    memcpy(&key, slot->key, sizeof key);
    (void)snprintf(text, TOP_KEY_SIZE, "%u", key);
}

static const char no_names[1][TOP_BY_SIZE];

/* What refused a key last stands in its row, also when minutes add up. */
TEST(what_refused_is_told)
{
    static struct heavy minutes[2];
    static const char names[][TOP_BY_SIZE] = {"", "first", "second"};
    struct hash_key hash_key;
    struct top_list list = {0};

    hash_key_init(&hash_key);
    for (unsigned key = 0; key < 3; key++) {
        struct heavy_key noted = heavy_key_of(&hash_key, &key, sizeof key);
        heavy_note(&minutes[0], &noted, 1, key == 0 ? 0 : 1);
        heavy_note(&minutes[1], &noted, 2, key == 2 ? 2 : 0);
    }
    for (size_t i = 0; i < 2; i++)
        top_list_heavy(&list, &minutes[i], 60000, names, format_number);
    top_list_settle(&list, 10);
    assert_string_equal(row_of(&list, "0")->by, "");
    assert_string_equal(row_of(&list, "1")->by, "first");
    assert_int_equal(row_of(&list, "1")->refused, 1);
    assert_string_equal(row_of(&list, "2")->by, "second");
    assert_int_equal(row_of(&list, "2")->refused, 3);
    top_list_clear(&list);
}

/* Daemons' lists, cut and sent as text, against the exact sum. */
TEST(bounds_hold_for_a_fleet)
{
    static struct heavy heavies[DAEMONS];
    struct hash_key hash_key;
    static uint64_t truth[KEYS];
    static struct top_lists lists;
    struct top_list *sum = &lists.of[FACE_MILTER][EVENT_BYTES];
    char text[6000], name[16];

    srand(8);
    for (size_t d = 0; d < DAEMONS; d++) {
        hash_key_init(&hash_key);
        for (int i = 0; i < 20000; i++) {
            unsigned bound = 1 + (unsigned)rand() % KEYS;
            unsigned key = (unsigned)rand() % bound;
            truth[key]++;
            struct heavy_key noted = heavy_key_of(&hash_key, &key, sizeof key);
            heavy_note(&heavies[d], &noted, 1, false);
        }
        struct top_list own = {0};
        top_list_heavy(&own, &heavies[d], 60000, no_names, format_number);
        top_list_settle(&own, 20);
        size_t len =
            top_list_write(&own, FACE_MILTER, EVENT_BYTES, text, sizeof text);
        assert_true(top_lists_read(&lists, text, len));
        top_list_clear(&own);
    }
    top_list_settle(sum, 10);
    assert_int_equal(sum->count, 10);
    for (unsigned key = 0; key < KEYS; key++) {
        (void)snprintf(name, sizeof name, "%u", key);
        const struct top_row *row = row_of(sum, name);
        if (row == &nobody)
            assert_true(truth[key] <= sum->unlisted);
        else
            assert_true(row->least <= truth[key] && truth[key] <= row->most);
    }
    top_lists_clear(&lists);
}

RUN_TESTS(NULL, NULL)
