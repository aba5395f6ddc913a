/*
 * test_newcomers.c - the bound of what a client can invent.
 */
#include "tests/unit/unit.h"

#include "common/engine/newcomers.h"

#include <stdio.h>

#define WINDOW_MS 3600000
#define MAX       100

static bool admit(struct newcomers *newcomers, const char *client,
    const char *limit, unsigned name, uint64_t now_ms, bool is_peek)
{
    struct cidr net;
    struct error err;
    struct subject subject;
    assert_true(cidr_parse(client, &net, &err));
    subject.len = (uint8_t)snprintf(
        subject.text, sizeof subject.text, "f=bob-%u@example.com", name);
    const struct newcomer newcomer = {.client = &net,
        .limit = limit,
        .subject = &subject,
        .window_ms = WINDOW_MS,
        .max = MAX,
        .is_peek = is_peek};
    return newcomers_admit(newcomers, &newcomer, now_ms);
}

TEST(a_bound_for_each_client_and_limit)
{
    struct newcomers *newcomers = newcomers_new();
    unsigned let_in = 0;
    for (unsigned i = 0; i < 10 * MAX; i++)
        let_in += admit(newcomers, "192.0.2.1", "a", i, 1000 + i, false);
    assert_int_equal(let_in, MAX);
    /* Those that are known go on, to the end of the window. */
    for (unsigned i = 0; i < MAX; i++)
        assert_true(
            admit(newcomers, "192.0.2.1", "a", i, WINDOW_MS / 2, false));
    assert_false(admit(newcomers, "192.0.2.1", "a", MAX, WINDOW_MS / 2, false));
    /* Other limits and clients have their own. */
    assert_true(admit(newcomers, "192.0.2.1", "b", MAX, 3000, false));
    assert_true(admit(newcomers, "192.0.2.2", "a", MAX, 3000, false));
    assert_true(admit(newcomers, "2001:db8::/64", "a", MAX, 3000, false));
    /* The next window. */
    assert_true(
        admit(newcomers, "192.0.2.1", "a", MAX, 1000 + WINDOW_MS, false));
    newcomers_free(&newcomers);
}

TEST(a_look_takes_no_place)
{
    struct newcomers *newcomers = newcomers_new();
    for (unsigned i = 0; i < 2 * MAX; i++)
        assert_true(admit(newcomers, "192.0.2.1", "a", i, 1, true));
    for (unsigned i = 0; i < MAX; i++)
        assert_true(admit(newcomers, "192.0.2.1", "a", i, 1, false));
    assert_true(admit(newcomers, "192.0.2.1", "a", 0, 1, true));
    assert_false(admit(newcomers, "192.0.2.1", "a", MAX, 1, true));
    newcomers_free(&newcomers);
}

/* However many come: no memory grows, and the bound of each holds. */
TEST(many_clients)
{
    struct newcomers *newcomers = newcomers_new();
    char client[32];
    for (unsigned i = 0; i < 20000; i++) {
        (void)snprintf(client, sizeof client, "10.%u.%u.%u", i >> 16,
            i >> 8 & 255, i & 255);
        for (unsigned name = 0; name < 3; name++)
            assert_true(admit(newcomers, client, "a", name, 1, false));
    }
    unsigned let_in = 0;
    for (unsigned i = 0; i < 10 * MAX; i++)
        let_in += admit(newcomers, "192.0.2.1", "a", i, 2, false);
    assert_int_equal(let_in, MAX);
    newcomers_free(&newcomers);
}

TEST(which_keys)
{
    assert_true(newcomers_can_invent(1u << KEY_SENDER));
    assert_true(newcomers_can_invent(1u << KEY_CLIENT | 1u << KEY_HELO));
    assert_true(newcomers_can_invent(1u << KEY_RECIPIENT_DOMAIN));
    assert_false(newcomers_can_invent(1u << KEY_CLIENT | 1u << KEY_SERVICE));
    assert_false(
        newcomers_can_invent(1u << KEY_SASL_USERNAME | 1u << KEY_RECIPIENT));
}

TEST(others)
{
    struct cidr net;
    struct error err;
    struct subject subject;
    assert_true(cidr_parse("2001:db8::/64", &net, &err));
    newcomers_others(&net, &subject);
    assert_string_equal(subject.text, "o=2001:db8::/64");
    assert_int_equal(subject.len, 15);
}

RUN_TESTS(NULL, NULL)
