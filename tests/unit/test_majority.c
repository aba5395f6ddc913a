/*
 * test_majority.c - who is most of a crowd, and who only often there.
 */
#include "common/core/majority.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static struct cidr client_number(unsigned number)
{
    struct cidr client;
    struct error err;
    char text[32];

    snprintf(text, sizeof text, "198.51.%u.%u", number / 250, number % 250);
    assert_true(cidr_parse(text, &client, &err));
    return client;
}

/* Of each hundred so many are client 0; the others differ. */
static struct majority_share play(struct majority *crowd, unsigned percent)
{
    struct majority_share share = {0};

    for (unsigned i = 0; i < MAJORITY_SIZE; i++) {
        struct cidr client = client_number(i * 37 % 100 < percent ? 0 : 1 + i);
        bool is_due = majority_note(crowd, &client, &share);
        assert_int_equal(
            is_due, i + 1 == MAJORITY_FIRST || i + 1 == MAJORITY_SIZE);
    }
    assert_int_equal(share.of, MAJORITY_SIZE);
    return share;
}

TEST(shares)
{
    static const struct {
        unsigned percent;
        bool is_one;
    } rows[] = {{100, true}, {95, true}, {80, true}, {60, false}, {40, false},
        {0, false}, {90, true}};
    struct majority crowd = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct majority_share share = play(&crowd, rows[i].percent);
        if (majority_is_one(&share) != rows[i].is_one)
            fail_msg("%u %%: %u hits", rows[i].percent, (unsigned)share.hits);
        assert_true(share.hits <= rows[i].percent * MAJORITY_SIZE / 100 + 10);
    }
}

/* Which of the first ten are client 0; the others differ. */
TEST(the_first_ten)
{
    static const struct {
        const char *clients;
        bool is_one;
    } rows[] = {{"0000000000", true}, {"1000000000", true},
        {"0000000001", true}, {"0000100000", true}, {"0101000001", false},
        {"1111100000", false}, {"0110011010", false}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct majority crowd = {0};
        struct majority_share share = {0};
        for (unsigned at = 0; at < MAJORITY_FIRST; at++) {
            struct cidr client =
                client_number(rows[i].clients[at] == '0' ? 0 : 1 + at);
            majority_note(&crowd, &client, &share);
        }
        assert_int_equal(share.of, MAJORITY_FIRST);
        if (majority_is_one(&share) != rows[i].is_one)
            fail_msg("%s: %u hits", rows[i].clients, (unsigned)share.hits);
    }
}

RUN_TESTS(NULL, NULL)
