/* test_lease.c - what is held, what the store was told, what is to be told. */
#include "tests/unit/unit.h"

#include "common/store/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct subject client(unsigned number)
{
    struct subject subject = {.len = 0};
    subject.len = (uint8_t)snprintf(
        subject.text, sizeof subject.text, "s=25|c=192.0.2.%u", number);
    return subject;
}

static struct lease *ask(struct lease_table *table,
    const struct subject *subject, uint32_t mine_wanted)
{
    uint32_t mine;
    struct lease *lease = lease_ask(table, subject, "n", &mine);
    assert_int_equal(mine, mine_wanted);
    return lease;
}

/* The next write says so; and is answered well. */
static void write_one(struct lease_table *table, uint32_t mine_wanted)
{
    uint32_t mine = 0;
    struct lease *lease = lease_next_write(table, &mine);
    assert_non_null(lease);
    assert_int_equal(mine, mine_wanted);
    lease_written(table, lease, mine, LEASE_ADMITTED, 1);
}

static uint32_t held(struct lease_table *table, const struct subject *subject)
{
    const struct lease *lease = lease_find(table, subject, "n");
    return lease == NULL ? 0 : lease->held;
}

TEST(admit_and_release)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    struct lease *lease = ask(table, &subject, 1);
    lease_answer(table, lease, 1, LEASE_ADMITTED, true, 1);
    assert_int_equal(held(table, &subject), 1);
    assert_int_equal(lease_table_units(table), 1);
    assert_false(lease_has_queued(table)); /* the store knows */

    lease_release(table, &subject, "n");
    assert_int_equal(lease_table_units(table), 0);
    write_one(table, 0);
    assert_null(lease_find(table, &subject, "n")); /* nothing is kept */
    lease_release(table, &subject, "n"); /* not held: nothing happens */
    assert_false(lease_has_queued(table));
    lease_table_free(&table);
}

TEST(names_and_subjects_differ)
{
    struct lease_table *table = lease_table_new();
    struct subject one = client(1), two = client(2);
    lease_take(table, &one, "n");
    lease_take(table, &two, "n");
    lease_take(table, &one, "m");
    assert_int_equal(held(table, &one), 1);
    assert_int_equal(held(table, &two), 1);
    lease_release(table, &one, "m");
    assert_null(lease_find(table, &one, "m"));
    assert_int_equal(held(table, &one), 1);
    lease_table_free(&table);
}

TEST(refused_changes_nothing)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    struct lease *lease = ask(table, &subject, 1);
    lease_answer(table, lease, 1, LEASE_REFUSED, true, 1);
    assert_null(lease_find(table, &subject, "n"));
    assert_false(lease_has_queued(table));
    lease_table_free(&table);
}

/* Two under way: the second counts the first; the first refused, the second
 * admitted leaves the store with one too many, which is put right. */
TEST(replies_set_it_right)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    struct lease *first = ask(table, &subject, 1);
    struct lease *second = ask(table, &subject, 2);
    assert_ptr_equal(first, second);
    lease_answer(table, first, 1, LEASE_REFUSED, true, 1);
    lease_answer(table, second, 2, LEASE_ADMITTED, true, 1);
    assert_int_equal(held(table, &subject), 1);
    write_one(table, 1);
    assert_false(lease_has_queued(table));
    lease_table_free(&table);
}

TEST(release_before_the_answer)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    lease_answer(table, ask(table, &subject, 1), 1, LEASE_ADMITTED, true, 1);
    struct lease *lease = ask(table, &subject, 2);
    lease_release(table, &subject, "n");
    assert_false(lease_has_queued(table)); /* the answer may set it right */
    lease_answer(table, lease, 2, LEASE_ADMITTED, true, 1);
    assert_int_equal(held(table, &subject), 1);
    write_one(table, 1);
    lease_table_free(&table);
}

TEST(cancelled_asker_gives_back)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    struct lease *lease = ask(table, &subject, 1);
    lease_answer(table, lease, 1, LEASE_ADMITTED, false, 1);
    assert_int_equal(lease_table_units(table), 0);
    write_one(table, 0);
    assert_null(lease_find(table, &subject, "n"));
    lease_table_free(&table);
}

TEST(lost_answer_is_written)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    struct lease *lease = ask(table, &subject, 1);
    lease_answer(table, lease, 1, LEASE_UNKNOWN, true, 1);
    assert_int_equal(held(table, &subject), 0);
    uint32_t mine = 9;
    lease = lease_next_write(table, &mine);
    assert_int_equal(mine, 0);
    lease_written(table, lease, mine, LEASE_UNKNOWN, 1); /* lost again */
    write_one(table, 0);
    assert_null(lease_find(table, &subject, "n"));
    lease_table_free(&table);
}

TEST(changes_while_writing)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    uint32_t mine = 0;
    lease_take(table, &subject, "n");
    struct lease *lease = lease_next_write(table, &mine);
    assert_int_equal(mine, 1);
    lease_take(table, &subject, "n");
    assert_false(lease_has_queued(table)); /* one write at a time */
    lease_written(table, lease, 1, LEASE_ADMITTED, 1);
    write_one(table, 2);
    lease_table_free(&table);
}

/* Stays without being told about: an outage that nobody notices. */
TEST(come_and_gone_untold)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    lease_take(table, &subject, "n");
    assert_true(lease_has_queued(table));
    lease_release(table, &subject, "n");
    assert_false(lease_has_queued(table));
    assert_null(lease_find(table, &subject, "n"));
    lease_table_free(&table);
}

TEST(renewal_by_age)
{
    struct lease_table *table = lease_table_new();
    for (unsigned i = 0; i < 3; i++) {
        struct subject subject = client(i);
        lease_answer(table, ask(table, &subject, 1), 1, LEASE_ADMITTED, true,
            100 * (i + 1));
    }
    lease_queue_older(table, 100);
    assert_false(lease_has_queued(table));
    lease_queue_older(table, 201);
    lease_queue_older(table, 201); /* not twice */
    uint32_t mine;
    struct lease *first = lease_next_write(table, &mine);
    struct lease *second = lease_next_write(table, &mine);
    assert_null(lease_next_write(table, &mine));
    lease_queue_older(table, 201); /* under way already */
    assert_false(lease_has_queued(table));
    lease_written(table, first, 1, LEASE_ADMITTED, 400);
    lease_written(table, second, 1, LEASE_ADMITTED, 400);
    lease_queue_older(table, 301);
    write_one(table, 1);
    assert_false(lease_has_queued(table));
    lease_queue_all(table);
    for (int i = 0; i < 3; i++)
        write_one(table, 1);
    assert_false(lease_has_queued(table));
    lease_table_free(&table);
}

/* A refused charge after another must not put a renewal off. */
TEST(renewal_outlives_refusals)
{
    struct lease_table *table = lease_table_new();
    struct subject subject = client(1);
    lease_answer(table, ask(table, &subject, 1), 1, LEASE_ADMITTED, true, 1);
    lease_queue_older(table, 100);
    lease_answer(table, ask(table, &subject, 2), 2, LEASE_REFUSED, true, 50);
    assert_true(lease_has_queued(table));
    struct lease *asking = ask(table, &subject, 2);
    write_one(table, 2); /* on the safe side while one is asking */
    lease_answer(table, asking, 2, LEASE_REFUSED, true, 50);
    write_one(table, 1);
    lease_table_free(&table);
}

TEST(many)
{
    struct lease_table *table = lease_table_new();
    for (unsigned i = 0; i < 5000; i++) {
        struct subject subject = client(i);
        lease_take(table, &subject, "n");
    }
    assert_int_equal(lease_table_units(table), 5000);
    for (unsigned i = 0; i < 5000; i++) {
        struct subject subject = client(i);
        assert_int_equal(held(table, &subject), 1);
        lease_release(table, &subject, "n");
    }
    assert_int_equal(lease_table_units(table), 0);
    assert_false(lease_has_queued(table));
    lease_table_free(&table);
}

RUN_TESTS(NULL, NULL)
