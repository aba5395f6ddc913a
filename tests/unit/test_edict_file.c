/*
 * test_edict_file.c - what a successor reads is what was written, and what is
 * damaged is left out.
 */
#include "tests/unit/unit.h"

#include "common/store/edict_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void put(struct edict_table *table, const char *net, const char *subject,
    uint64_t until_ms)
{
    struct edict edict = {.n = 7, .window_ms = 1000, .until_ms = until_ms};
    struct error err;

    edict.set_ms = until_ms + 1;
    if (net != NULL)
        assert_true(edict_set_ban(&edict, net, &err));
    else
        assert_true(edict_set_override(&edict, "sasl-day", subject));
    edict_set_text(edict.who, sizeof edict.who, "uid 0 at here");
    edict_set_text(edict.reason, sizeof edict.reason, "a\treason, long");
    edict_table_put(table, &edict);
}

static struct edict_table *written_and_read(const struct edict_table *table)
{
    struct edict_table *copy = edict_table_new();
    struct error err;
    int fd = edict_file_write(table, &err);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, "x", 1), -1); /* it is sealed */
    assert_true(edict_file_read(copy, fd));
    assert_int_equal(close(fd), -1); /* it is closed already */
    return copy;
}

static void assert_same(const struct edict_table *one,
    const struct edict_table *two, enum edict_kind kind)
{
    assert_int_equal(
        edict_table_count(one, kind), edict_table_count(two, kind));
    for (size_t i = 0; i < edict_table_count(one, kind); i++) {
        const struct edict *a = edict_table_at(one, kind, i);
        const struct edict *b = edict_table_at(two, kind, i);
        assert_string_equal(a->key, b->key);
        assert_string_equal(a->who, b->who);
        assert_string_equal(a->reason, b->reason);
        assert_int_equal(a->until_ms, b->until_ms);
        assert_int_equal(a->set_ms, b->set_ms);
        assert_int_equal(a->n, b->n);
        assert_int_equal(a->is_blocked, b->is_blocked);
        assert_int_equal(a->is_total, b->is_total);
        assert_int_equal(a->window_ms, b->window_ms);
    }
}

TEST(all_come_back)
{
    struct edict_table *table = edict_table_new();
    char subject[32];

    put(table, "198.51.100.0/24", NULL, 12345);
    put(table, "2001:db8::/64", NULL, UINT64_MAX - 1);
    put(table, "sasl:bob", NULL, 3);
    struct edict none = {.is_blocked = true, .until_ms = 5};
    assert_true(edict_set_override(&none, "sasl-day", "u=none"));
    edict_table_put(table, &none);
    struct edict all = {.n = 9, .is_total = true, .until_ms = 6};
    assert_true(edict_set_override(&all, "sasl-day", "U=example.com"));
    edict_table_put(table, &all);
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(subject, sizeof subject, "u=user%u", i);
        put(table, NULL, subject, i);
    }
    struct edict_table *copy = written_and_read(table);
    assert_same(table, copy, EDICT_BAN);
    assert_same(table, copy, EDICT_OVERRIDE);
    edict_table_free(&copy);
    edict_table_free(&table);
}

/* An earlier version reads no further than to the first name. */
TEST(names_come_last)
{
    struct edict_table *table = edict_table_new();
    char text[1000];
    struct error err;

    put(table, "sasl:bob", NULL, 3);
    put(table, "192.0.2.0/24", NULL, 3);
    put(table, NULL, "u=eve", 3);
    int fd = edict_file_write(table, &err);
    assert_int_not_equal(fd, -1);
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    assert_true(len > 0);
    for (ssize_t i = 0; i < len; i++)
        text[i] = text[i] == '\0' ? '\n' : text[i];
    text[len] = '\0';
    const char *name = strstr(text, "\nbsasl:bob\n");
    assert_non_null(name);
    assert_true(strstr(text, "\nb192.0.2.0/24\n") < name);
    assert_memory_equal(text, "osasl-day u=eve\n", 16);
    close(fd);
    edict_table_free(&table);
}

TEST(there_may_be_none)
{
    struct edict_table *table = edict_table_new();

    struct edict_table *copy = written_and_read(table);
    assert_int_equal(edict_table_count(copy, EDICT_BAN), 0);
    edict_table_free(&copy);
    edict_table_free(&table);
}

#define GOOD \
    "b192.0.2.1/32\0" \
    "5000\0" \
    "77\0" \
    "0\t0\twho\twhy\0"

static const struct {
    const char *bytes;
    size_t len;
    size_t bans; /* that are taken */
    bool is_good;
} files[] = {
#define FILE_OF(bytes) bytes, sizeof bytes - 1
    {FILE_OF(GOOD), 1, true},
    {FILE_OF(GOOD "b198.51.100.7/32"), 1, false},
    {FILE_OF(GOOD "b198.51.100.7/32\0"
                  "1\0"
                  "1\0"
                  "0\t0\twho\twhy"),
        1, false},
    {FILE_OF(GOOD "bnobody\0"
                  "1\0"
                  "1\0"
                  "0\t0\twho\twhy\0"),
        1, false},
    {FILE_OF(GOOD "z192.0.2.2/32\0"
                  "1\0"
                  "1\0"
                  "0\t0\twho\twhy\0"),
        1, false},
    {FILE_OF("b192.0.2.1/32\0"
             "\0"
             "1\0"
             "0\t0\twho\twhy\0"),
        0, false},
    {FILE_OF("b192.0.2.1/32\0"
             "-1\0"
             "1\0"
             "0\t0\twho\twhy\0"),
        0, false},
    {FILE_OF("b192.0.2.1/32\0"
             "1x\0"
             "1\0"
             "0\t0\twho\twhy\0"),
        0, false},
    {FILE_OF("b192.0.2.1/32\0"
             "1\0"
             "99999999999999999999\0"
             "0\t0\t\t\0"),
        0, false},
    {FILE_OF("b192.0.2.1/32\0"
             "1\0"
             "1\0"
             "no text\0"),
        0, false},
    {FILE_OF("\0\0\0\0"), 0, false},
};

TEST(what_is_damaged_is_left_out)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        struct edict_table *table = edict_table_new();
        FILE *file = tmpfile();
        assert_non_null(file);
        int fd = dup(fileno(file));
        assert_int_equal(
            write(fd, files[i].bytes, files[i].len), (ssize_t)files[i].len);
        bool is_good = edict_file_read(table, fd);
        size_t bans = edict_table_count(table, EDICT_BAN);
        if (is_good != files[i].is_good || bans != files[i].bans)
            fail_msg("row %zu: %d, %zu bans", i, is_good, bans);
        fclose(file);
        edict_table_free(&table);
    }
}

RUN_TESTS(NULL, NULL)
