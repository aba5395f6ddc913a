/*
 * test_claim.c - what a proxy may say of a client, by a table.
 */
#include "common/core/claim.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct cidr_list proxies, exempt, impossible;

static bool is_proxy(const void *context, const struct cidr *client)
{
    return cidr_list_contains_net(context, client);
}

static const struct {
    const char *client;
    const char *frontend; /* "" where the face is not told */
    uint16_t frontend_port;
    enum claim proven, unproven;
} cases[] = {
    {"198.51.100.7", "192.0.2.25", 25, CLAIM_CLIENT, CLAIM_CLIENT},
    {"198.51.100.7", "", 0, CLAIM_CLIENT, CLAIM_CLIENT},
    {"198.51.100.7", "192.0.2.25", 26, CLAIM_FRONTEND, CLAIM_FRONTEND},
    {"198.51.100.7", "192.0.2.26", 25, CLAIM_FRONTEND, CLAIM_FRONTEND},
    {"198.51.100.7", "2001:db8::25", 25, CLAIM_CLIENT, CLAIM_CLIENT},
    {"172.16.42.2", "172.16.42.3", 12525, CLAIM_PROXY, CLAIM_FRONTEND},
    {"172.16.42.2", "", 0, CLAIM_PROXY, CLAIM_CLIENT},
    {"203.0.113.9", "192.0.2.26", 25, CLAIM_EXEMPT, CLAIM_FRONTEND},
    {"203.0.113.9", "", 0, CLAIM_EXEMPT, CLAIM_CLIENT},
    {"127.0.0.1", "", 0, CLAIM_IMPOSSIBLE, CLAIM_IMPOSSIBLE},
    /* exempt, although impossible: the administrator said so */
    {"127.0.0.9", "", 0, CLAIM_EXEMPT, CLAIM_IMPOSSIBLE},
    {"::1", "", 0, CLAIM_IMPOSSIBLE, CLAIM_IMPOSSIBLE},
    /* from anvil: nets */
    {"127.0.0.0/24", "", 0, CLAIM_IMPOSSIBLE, CLAIM_IMPOSSIBLE},
    {"2001:db8:1::/84", "", 0, CLAIM_PROXY, CLAIM_CLIENT},
    {"2001:db8:2::/84", "", 0, CLAIM_CLIENT, CLAIM_CLIENT},
    {"203.0.112.0/22", "", 0, CLAIM_CLIENT, CLAIM_CLIENT},
    {"unknown", "", 0, CLAIM_CLIENT, CLAIM_CLIENT},
};

static struct event event_of(size_t i)
{
    struct event event = {.frontend_port = cases[i].frontend_port};
    struct error err;

    if (strcmp(cases[i].client, "unknown") != 0)
        assert_true(cidr_parse(cases[i].client, &event.client, &err));
    address_parse(
        cases[i].frontend, strlen(cases[i].frontend), &event.frontend);
    event.peer.state = PEER_PROVEN;
    assert_true(address_parse("2001:db8:1::7", 13, &event.peer.address));
    return event;
}

TEST(order)
{
    struct claim_frontend frontends[2] = {{.port = 25}, {.port = 25}};
    struct claim_rules rules = {
        .is_proxy = is_proxy,
        .context = &proxies,
        .exempt = &exempt,
        .impossible = &impossible,
        .frontends = frontends,
        .frontend_count = 2,
    };

    assert_true(address_parse("192.0.2.25", 10, &frontends[0].address));
    assert_true(address_parse("2001:db8::25", 12, &frontends[1].address));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct event event = event_of(i);
        rules.is_proven = true;
        enum claim proven = claim_judge(&rules, &event);
        rules.is_proven = false;
        enum claim unproven = claim_judge(&rules, &event);
        if (proven != cases[i].proven || unproven != cases[i].unproven)
            fail_msg("%s: %d proven, %d unproven", cases[i].client, (int)proven,
                (int)unproven);
    }
    rules.frontend_count = 0;
    struct event event = event_of(2);
    assert_int_equal(claim_judge(&rules, &event), CLAIM_CLIENT);
}

static int set_up(void **state)
{
    struct error err;

    return !(cidr_list_add(&proxies, "172.16.42.2", &err) &&
             cidr_list_add(&proxies, "2001:db8:1::7", &err) &&
             cidr_list_add(&exempt, "203.0.113.0/24", &err) &&
             cidr_list_add(&exempt, "127.0.0.9", &err) &&
             cidr_list_add(&impossible, "127.0.0.0/8", &err) &&
             cidr_list_add(&impossible, "::1/128", &err));
}

static int tear_down(void **state)
{
    cidr_list_clear(&proxies);
    cidr_list_clear(&exempt);
    cidr_list_clear(&impossible);
    return 0;
}

RUN_TESTS(set_up, tear_down)
