/* test_refused_cache.c - who is known to be refused, and for how long. */
#include "tests/unit/unit.h"

#include "common/store/refused_cache.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static struct subject client(unsigned number)
{
    struct subject subject = {.len = 0};
    subject.len = (uint8_t)snprintf(
        subject.text, sizeof subject.text, "s=25|c=192.0.2.%u", number);
    return subject;
}

static struct charge sliding(const struct subject *subject, uint32_t amount)
{
    return (struct charge){
        .kind = CHARGE_SLIDING,
        .subject = subject,
        .name = "n",
        .limit = 10,
        .amount = amount,
        .window_ms = 60000,
    };
}

static struct charge refused(
    const struct subject *subject, uint32_t amount, int64_t retry_ms)
{
    struct charge charge = sliding(subject, amount);
    charge.refused = true;
    charge.used = 10;
    charge.retry_ms = retry_ms;
    return charge;
}

static bool knows(
    const struct refused_cache *cache, struct charge charge, uint64_t now_ms)
{
    return refused_cache_look(cache, &charge, 1, now_ms);
}

TEST(until)
{
    struct refused_cache *cache = refused_cache_new(64);
    struct subject subject = client(1), other = client(2);
    struct charge charge = refused(&subject, 2, 500);
    refused_cache_note(cache, &charge, 1, 1000);

    struct charge asked = sliding(&subject, 2);
    assert_true(refused_cache_answer(cache, &asked, 1, 1200));
    assert_true(asked.refused);
    assert_int_equal(asked.used, 10);
    assert_int_equal(asked.retry_ms, 300);
    assert_true(knows(cache, sliding(&subject, 2), 1499));
    assert_false(knows(cache, sliding(&subject, 2), 1500));
    assert_true(knows(cache, sliding(&subject, 3), 1499));
    assert_false(knows(cache, sliding(&subject, 1), 1200)); /* may pass */
    assert_false(knows(cache, sliding(&other, 2), 1200));

    asked = sliding(&subject, 11);
    assert_true(refused_cache_answer(cache, &asked, 1, 1200));
    assert_int_equal(asked.retry_ms, CHARGE_NEVER);
    refused_cache_free(&cache);
}

TEST(trust_ends)
{
    struct refused_cache *cache = refused_cache_new(64);
    struct subject subject = client(1);
    struct charge charge = refused(&subject, 1, 86400000);
    refused_cache_note(cache, &charge, 1, 1000);
    struct charge asked = sliding(&subject, 1);
    assert_true(refused_cache_look(cache, &asked, 1, 999 + REFUSED_TRUST_MS));
    assert_int_equal(asked.retry_ms, 86400000 - (REFUSED_TRUST_MS - 1));
    assert_false(knows(cache, sliding(&subject, 1), 1000 + REFUSED_TRUST_MS));

    refused_cache_note(cache, &charge, 1, 1000);
    refused_cache_clear(cache);
    assert_false(knows(cache, sliding(&subject, 1), 1001));
    refused_cache_free(&cache);
}

/* As many as come meanwhile: an answer is under way for all of them. */
TEST(one_asks_again)
{
    const uint64_t due_ms = 1000 + REFUSED_TRUST_MS - REFUSED_AHEAD_MS;
    struct refused_cache *cache = refused_cache_new(64);
    struct subject subject = client(1), other = client(2);
    struct charge charge = refused(&subject, 1, 86400000);
    refused_cache_note(cache, &charge, 1, 1000);
    struct charge asked[] = {sliding(&other, 1), sliding(&subject, 1)};

    assert_true(refused_cache_answer(cache, asked, 2, due_ms - 1));
    assert_true(refused_cache_look(cache, asked, 2, due_ms));
    assert_false(refused_cache_answer(cache, asked, 2, due_ms));
    assert_true(refused_cache_answer(cache, asked, 2, due_ms));
    assert_true(refused_cache_answer(cache, asked, 2, 999 + REFUSED_TRUST_MS));
    assert_false(
        refused_cache_answer(cache, asked, 2, 1000 + REFUSED_TRUST_MS));

    refused_cache_note(cache, &charge, 1, 2000);
    assert_true(refused_cache_answer(cache, asked, 2, due_ms + 999));
    assert_false(refused_cache_answer(cache, asked, 2, due_ms + 1000));
    refused_cache_free(&cache);
}

/* Where the place is free before that, there is nothing to ask. */
TEST(nobody_asks_before_the_end)
{
    struct refused_cache *cache = refused_cache_new(64);
    struct subject subject = client(1);
    struct charge charge = refused(&subject, 1, REFUSED_TRUST_MS);
    refused_cache_note(cache, &charge, 1, 1000);
    struct charge asked = sliding(&subject, 1);
    assert_true(refused_cache_answer(cache, &asked, 1, 999 + REFUSED_TRUST_MS));
    assert_false(
        refused_cache_answer(cache, &asked, 1, 1000 + REFUSED_TRUST_MS));
    refused_cache_free(&cache);
}

static long pages_touched(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_minflt;
}

/* A store that comes and goes must not make the table resident. */
TEST(clearing_touches_no_memory)
{
    struct refused_cache *cache = refused_cache_new(65536);
    struct subject subject = client(1);
    struct charge charge = refused(&subject, 1, 2000);
    refused_cache_note(cache, &charge, 1, 1000);
    long before = pages_touched();
    refused_cache_clear(cache);
    assert_true(pages_touched() - before <= 100);
    assert_false(knows(cache, sliding(&subject, 1), 1001));
    refused_cache_note(cache, &charge, 1, 1000);
    assert_true(knows(cache, sliding(&subject, 1), 1001));
    refused_cache_free(&cache);
}

TEST(what_is_another_counter)
{
    struct refused_cache *cache = refused_cache_new(64);
    struct subject subject = client(1);
    struct charge charge = refused(&subject, 1, 500);
    refused_cache_note(cache, &charge, 1, 0);
    struct charge asked = sliding(&subject, 1);
    asked.name = "m";
    assert_false(knows(cache, asked, 1));
    asked = sliding(&subject, 1);
    asked.limit = 11;
    assert_false(knows(cache, asked, 1));
    asked = sliding(&subject, 1);
    asked.window_ms = 60001;
    assert_false(knows(cache, asked, 1));
    asked = sliding(&subject, 1);
    asked.shadow = true;
    assert_false(knows(cache, asked, 1));
    assert_true(knows(cache, sliding(&subject, 1), 1));
    refused_cache_free(&cache);
}

TEST(what_is_kept)
{
    struct refused_cache *cache = refused_cache_new(64);
    struct subject subject = client(1);
    struct charge charge = refused(&subject, 1, 500);
    charge.shadow = true;
    refused_cache_note(cache, &charge, 1, 0);
    charge.shadow = false;
    charge.kind = CHARGE_LEASE;
    refused_cache_note(cache, &charge, 1, 0);
    charge.kind = CHARGE_SLIDING;
    charge.retry_ms = CHARGE_NEVER;
    refused_cache_note(cache, &charge, 1, 0);
    charge.retry_ms = 0;
    refused_cache_note(cache, &charge, 1, 0);
    assert_false(knows(cache, sliding(&subject, 1), 0));
    refused_cache_free(&cache);
}

TEST(several_charges)
{
    struct refused_cache *cache = refused_cache_new(64);
    struct subject one = client(1), two = client(2);
    struct charge charge = refused(&two, 1, 500);
    refused_cache_note(cache, &charge, 1, 0);
    struct charge charges[] = {sliding(&one, 1), sliding(&two, 1)};
    charges[0].used = 77; /* from the last time */
    charges[0].refused = true;
    assert_true(refused_cache_answer(cache, charges, 2, 1));
    assert_false(charges[0].refused);
    assert_int_equal(charges[0].used, 0);
    assert_true(charges[1].refused);
    /* A fixed window counts what is refused too: it must be asked. */
    charges[0].kind = CHARGE_FIXED;
    assert_false(refused_cache_answer(cache, charges, 2, 1));
    refused_cache_free(&cache);
}

/* A full table forgets, and never mistakes one for another. */
TEST(full)
{
    struct refused_cache *cache = refused_cache_new(64);
    unsigned known = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct subject subject = client(i);
        struct charge charge = refused(&subject, 1, 500 + i);
        refused_cache_note(cache, &charge, 1, 0);
        assert_true(knows(cache, sliding(&subject, 1), 1));
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct subject subject = client(i);
        struct charge asked = sliding(&subject, 1);
        if (!refused_cache_answer(cache, &asked, 1, 1))
            continue;
        known++;
        assert_int_equal(asked.retry_ms, 499 + i);
    }
    assert_int_equal(known, 64);
    refused_cache_free(&cache);
}

RUN_TESTS(NULL, NULL)
