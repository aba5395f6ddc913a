/*
 * test_crowd.c - who is most of a crowd, and who only often there.
 */
#include "common/core/crowd.h"
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
static bool play(struct crowd *crowd, unsigned percent, uint32_t *hits_r)
{
    bool is_one = false;

    for (unsigned i = 0; i < CROWD_SIZE; i++) {
        struct cidr client = client_number(i * 37 % 100 < percent ? 0 : 1 + i);
        assert_false(is_one);
        is_one = crowd_note(crowd, &client, hits_r);
    }
    return is_one;
}

static void test_shares(void **state)
{
    static const struct {
        unsigned percent;
        bool is_one;
    } rows[] = {{100, true}, {95, true}, {80, true}, {60, false}, {40, false},
        {0, false}, {90, true}};
    struct crowd crowd = {0};
    uint32_t hits = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (play(&crowd, rows[i].percent, &hits) != rows[i].is_one)
            fail_msg("%u %%: %u hits", rows[i].percent, (unsigned)hits);
        assert_true(hits <= rows[i].percent * CROWD_SIZE / 100 + 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
