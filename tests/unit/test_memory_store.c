/* test_memory_store.c - requests of several charges, and a full table. */
#include "tests/unit/unit.h"

#include "common/store/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static struct subject subject_of(const char *text)
{
    struct subject subject = {.len = (uint8_t)strlen(text)};

    memcpy(subject.text, text, subject.len);
    return subject;
}

static struct subject client(unsigned number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "c=2001:db8:%x::/64", number);
    return subject_of(text);
}

static struct charge sliding(
    const struct subject *subject, const char *name, uint32_t limit)
{
    return (struct charge){.kind = CHARGE_SLIDING,
        .subject = subject,
        .name = name,
        .limit = limit,
        .amount = 1,
        .window_ms = 60000};
}

static struct charge fixed(
    const struct subject *subject, uint8_t field, uint32_t limit)
{
    struct charge charge = sliding(subject, "rates", limit);

    charge.kind = CHARGE_FIXED;
    charge.field = field;
    return charge;
}

static uint32_t used(
    struct memory_store *store, struct charge charge, uint64_t now_ms)
{
    memory_store_charge(store, &charge, 1, true, now_ms);
    return charge.used;
}

TEST(all_or_nothing)
{
    struct memory_store *store = memory_store_new(64);
    struct subject subject = subject_of("c=192.0.2.1");
    struct charge charges[3] = {sliding(&subject, "a", 10),
        sliding(&subject, "b", 1), fixed(&subject, 2, 0)};

    assert_true(memory_store_charge(store, charges, 3, false, 1000));
    assert_int_equal(charges[0].used, 1);
    assert_int_equal(charges[2].used, 1);

    assert_false(memory_store_charge(store, charges, 3, false, 2000));
    assert_false(charges[0].refused);
    assert_int_equal(charges[0].used, 1); /* not charged */
    assert_true(charges[1].refused);
    assert_int_equal(charges[1].retry_ms, 59001);
    assert_int_equal(charges[2].used, 2); /* counts all the same */
    assert_int_equal(used(store, charges[0], 2000), 1);

    assert_false(memory_store_charge(store, charges, 3, false, 61000));
    assert_true(memory_store_charge(store, charges, 3, false, 61001));
    memory_store_free(&store);
    assert_null(store);
}

/* What Redis has let in, an outage begins with. */
TEST(noted_counts)
{
    struct memory_store *store = memory_store_new(64);
    struct subject subject = subject_of("c=192.0.2.1");
    struct charge charges[3] = {sliding(&subject, "a", 10),
        sliding(&subject, "b", 1), fixed(&subject, 2, 0)};
    struct charge share = sliding(&subject, "a", 5);

    for (uint64_t i = 0; i < 3; i++)
        memory_store_note(store, charges, 2, true, 1000 + i);
    charges[1].refused = true; /* a shadow: counts no more */
    memory_store_note(store, charges, 3, true, 1003);
    /* Refused: what always counts does here too. */
    memory_store_note(store, charges, 3, false, 1004);
    assert_int_equal(used(store, charges[0], 1004), 4);
    assert_int_equal(used(store, charges[1], 1004), 3); /* over its limit */
    assert_int_equal(used(store, charges[2], 1004), 2);
    assert_true(memory_store_charge(store, &share, 1, false, 1005));
    assert_false(memory_store_charge(store, &share, 1, false, 1006));
    assert_int_equal(share.used, 5);
    assert_int_equal(share.retry_ms, 1000 + 60001 - 1006);
    share.limit = 2; /* one more daemon: smaller than what is there */
    assert_false(memory_store_charge(store, &share, 1, false, 1007));
    assert_int_equal(share.retry_ms, 1003 + 60001 - 1007);
    memory_store_free(&store);
}

/* As store.h says; 0 where a sanitizer keeps the books. */
TEST(bytes_for_a_client)
{
    enum { CLIENTS = 20000 };
    struct memory_store *store = memory_store_new(CLIENTS);
    size_t before = mallinfo2().uordblks;

    for (uint64_t round = 0; round < 17; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            struct subject subject = client(i);
            struct charge charge = sliding(&subject, "day", 1000);
            assert_true(memory_store_charge(
                store, &charge, 1, false, 1000 + round * 3600));
        }
        size_t bytes = (mallinfo2().uordblks - before) / CLIENTS;
        assert_true(bytes <= (round == 0 ? 120 : 350));
    }
    memory_store_free(&store);
}

TEST(shadow)
{
    struct memory_store *store = memory_store_new(64);
    struct subject subject = subject_of("u=bob");
    struct charge charges[2] = {
        sliding(&subject, "a", 3), sliding(&subject, "b", 1)};

    charges[1].shadow = true;
    assert_true(memory_store_charge(store, charges, 2, false, 0));
    assert_true(memory_store_charge(store, charges, 2, false, 1));
    assert_true(charges[1].refused);      /* told, */
    assert_int_equal(charges[1].used, 1); /* not charged, */
    assert_int_equal(charges[0].used, 2); /* and in nobody's way */
    /* A shadow that would pass is not charged in a request that fails. */
    charges[0].amount = 2;
    charges[1].limit = 9;
    assert_false(memory_store_charge(store, charges, 2, false, 2));
    assert_int_equal(charges[1].used, 1);
    memory_store_free(&store);
}

TEST(fixed_that_decides)
{
    struct memory_store *store = memory_store_new(64);
    struct subject subject = subject_of("s=25|c=192.0.2.1");
    struct charge charges[2] = {
        fixed(&subject, 1, 1), sliding(&subject, "day", 9)};

    assert_true(memory_store_charge(store, charges, 2, true, 10500));
    assert_int_equal(charges[0].used, 0);
    assert_int_equal(memory_store_count(store), 0);
    assert_true(memory_store_charge(store, charges, 2, false, 10500));
    assert_false(memory_store_charge(store, charges, 2, true, 11000));
    assert_int_equal(charges[0].used, 1); /* a peek counts nothing */
    assert_false(memory_store_charge(store, charges, 2, false, 11000));
    assert_int_equal(charges[0].used, 2);
    assert_int_equal(charges[0].retry_ms, 60000); /* ends with second 70 */
    assert_int_equal(charges[1].used, 1);
    charges[0].amount = 2;
    assert_false(memory_store_charge(store, charges, 1, true, 71000));
    assert_int_equal(charges[0].retry_ms, CHARGE_NEVER);
    charges[0].amount = 1;
    assert_true(memory_store_charge(store, charges, 2, false, 71000));
    memory_store_free(&store);
}

TEST(lease_is_honoured)
{
    struct memory_store *store = memory_store_new(64);
    struct subject subject = subject_of("c=192.0.2.1");
    struct charge charges[2] = {
        {.kind = CHARGE_LEASE, .subject = &subject, .name = "n", .limit = 1},
        sliding(&subject, "a", 9)};

    charges[0].refused = true;
    charges[0].used = 7;
    charges[0].retry_ms = 30000;
    assert_false(memory_store_charge(store, charges, 2, false, 1));
    assert_int_equal(charges[0].used, 7);
    assert_int_equal(charges[0].retry_ms, 30000);
    assert_int_equal(charges[1].used, 0);
    charges[0].shadow = true;
    assert_true(memory_store_charge(store, charges, 2, false, 1));
    assert_int_equal(charges[1].used, 1);
    memory_store_free(&store);
}

TEST(keys_are_apart)
{
    struct memory_store *store = memory_store_new(64);
    struct subject bob = subject_of("u=bob");
    struct subject bobby = subject_of("u=bobby");
    struct charge charges[5] = {sliding(&bob, "a", 9), sliding(&bob, "b", 9),
        sliding(&bobby, "a", 9), fixed(&bob, 0, 0), sliding(&bob, "rates", 9)};

    memory_store_charge(store, charges, 5, false, 1);
    assert_int_equal(memory_store_count(store), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(charges[i].used, 1);
    memory_store_free(&store);
}

TEST(growing_keeps_all)
{
    enum { CLIENTS = 30000 };
    struct memory_store *store = memory_store_new(CLIENTS + 16);

    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            struct subject subject = client(i);
            struct charge charge = sliding(&subject, "a", 100);

            assert_true(
                memory_store_charge(store, &charge, 1, false, 5000 * round));
            assert_int_equal(charge.used, round);
        }
    }
    assert_int_equal(memory_store_count(store), CLIENTS);
    memory_store_free(&store);
}

TEST(expired_go_by_themselves)
{
    struct memory_store *store = memory_store_new(10000);
    struct subject subject = subject_of("c=192.0.2.1");
    struct charge charge = sliding(&subject, "a", 1000000);

    for (unsigned i = 0; i < 5000; i++) {
        struct subject other = client(i);
        struct charge once = sliding(&other, "a", 9);

        memory_store_charge(store, &once, 1, false, 1000);
    }
    for (unsigned i = 0; i < 5100; i++)
        memory_store_charge(store, &charge, 1, false, 61000);
    assert_int_equal(memory_store_count(store), 5001); /* not over yet */
    for (unsigned i = 0; i < 5100; i++)
        memory_store_charge(store, &charge, 1, false, 61001);
    assert_int_equal(memory_store_count(store), 1);
    memory_store_free(&store);
}

/* client(first) .. client(last - 1), one unit each, a second apart. */
static void charge_clients(struct memory_store *store, unsigned first,
    unsigned last, uint32_t limit, uint64_t *now_ms)
{
    for (unsigned i = first; i < last; i++) {
        struct subject subject = client(i);
        struct charge charge = sliding(&subject, "a", limit);

        charge.window_ms = 86400000;
        memory_store_charge(store, &charge, 1, false, *now_ms);
        *now_ms += 1000;
    }
}

static unsigned count_kept(
    struct memory_store *store, unsigned first, unsigned last, uint64_t now_ms)
{
    unsigned kept = 0;

    for (unsigned i = first; i < last; i++) {
        struct subject subject = client(i);
        struct charge charge = sliding(&subject, "a", 9);

        charge.window_ms = 86400000;
        kept += used(store, charge, now_ms);
    }
    return kept;
}

TEST(full_table_keeps_the_recent)
{
    struct memory_store *store = memory_store_new(1000);
    uint64_t now_ms = 1000;

    charge_clients(store, 0, 2000, 9, &now_ms);
    assert_true(memory_store_count(store) <= 1000);
    assert_true(count_kept(store, 1900, 2000, now_ms) >= 98);
    assert_true(count_kept(store, 0, 500, now_ms) <= 10);
    memory_store_free(&store);
}

TEST(full_table_keeps_those_that_refuse)
{
    struct memory_store *store = memory_store_new(1000);
    uint64_t now_ms = 1000;

    charge_clients(store, 0, 800, 1, &now_ms); /* at their limit */
    charge_clients(store, 800, 5000, 9, &now_ms);
    assert_int_equal(count_kept(store, 0, 800, now_ms), 800);
    memory_store_free(&store);
}

TEST(full_table_prefers_the_expired)
{
    struct memory_store *store = memory_store_new(1000);
    uint64_t now_ms = 86400000;

    for (unsigned i = 0; i < 500; i++) {
        struct subject subject = client(10000 + i);
        struct charge charge = sliding(&subject, "a", 9);

        charge.window_ms = 1000;
        memory_store_charge(store, &charge, 1, false, now_ms - 2000);
    }
    charge_clients(store, 0, 990, 9, &now_ms);
    assert_int_equal(count_kept(store, 0, 990, now_ms), 990);
    memory_store_free(&store);
}

TEST(all_refusing_still_ends)
{
    struct memory_store *store = memory_store_new(64);
    uint64_t now_ms = 1000;

    charge_clients(store, 0, 1000, 1, &now_ms);
    assert_true(memory_store_count(store) <= 64);
    memory_store_free(&store);
}

/* Each counter alone, in all its fields, and it goes on counting. */
TEST(forget)
{
    struct memory_store *store = memory_store_new(64);
    struct subject subject = subject_of("c=192.0.2.1");
    struct charge charges[] = {sliding(&subject, "a", 3),
        sliding(&subject, "b", 3), fixed(&subject, 1, 0),
        fixed(&subject, 2, 0)};

    assert_false(memory_store_forget(store, &charges[0], 1000));
    for (int i = 0; i < 3; i++)
        assert_true(memory_store_charge(store, charges, 4, false, 1000));
    assert_true(memory_store_forget(store, &charges[0], 1000));
    assert_false(memory_store_forget(store, &charges[0], 1000));
    assert_true(memory_store_forget(store, &charges[2], 1000));
    assert_int_equal(used(store, charges[0], 1000), 0);
    assert_int_equal(used(store, charges[1], 1000), 3);
    assert_int_equal(used(store, charges[2], 1000), 0);
    assert_int_equal(used(store, charges[3], 1000), 0);
    for (int i = 0; i < 3; i++)
        assert_true(memory_store_charge(store, charges, 1, false, 2000));
    assert_false(memory_store_charge(store, charges, 1, false, 2000));
    /* What is over is not there to be forgotten. */
    assert_false(memory_store_forget(store, &charges[1], 200000));
    memory_store_free(&store);
}

RUN_TESTS(NULL, NULL)
