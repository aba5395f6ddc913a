/*
 * test_cidr.c - networks, and lists of them against a plain linear search.
 */
#include "tests/unit/unit.h"

#include "common/base/cidr.h"

#include <string.h>

static struct address address_of(const char *text)
{
    struct address address;
    assert_true(address_parse(text, strlen(text), &address));
    return address;
}

static struct cidr cidr_from(const char *text)
{
    struct cidr cidr;
    struct error err;
    if (!cidr_parse(text, &cidr, &err))
        fail_msg("%s", err.text);
    return cidr;
}

static const struct {
    const char *text;
    const char *canonical;
} good[] = {
    {"192.0.2.0/24", "192.0.2.0/24"},
    {"192.0.2.1", "192.0.2.1/32"},
    {"0.0.0.0/0", "0.0.0.0/0"},
    {"2001:DB8::/32", "2001:db8::/32"},
    {"[2001:db8::]/32", "2001:db8::/32"},
    {"2001:db8::1", "2001:db8::1/128"},
    {"::/0", "::/0"},
    {"::/8", "::/8"},
    {"::ffff:0:0/96", "0.0.0.0/0"},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
    {"::ffff:10.0.0.1", "10.0.0.1/32"},
    {"::ffff:10.0.0.1/128", "10.0.0.1/32"},
};

/* A text that is refused, and what the error must say. */
static const struct {
    const char *text;
    const char *says;
} bad[] = {
    {"", "not a network"},
    {"/24", "not a network"},
    {"localhost", "not a network"},
    {"192.0.2.0 /24", "not a network"},
    {"192.0.2.0/", "0 to 32"},
    {"192.0.2.0/33", "0 to 32"},
    {"192.0.2.0/024", "0 to 32"},
    {"192.0.2.0/-1", "0 to 32"},
    {"192.0.2.0/24/", "0 to 32"},
    {"192.0.2.0/255.255.255.0", "0 to 32"},
    {"192.0.2.0/4294967320", "0 to 32"},
    {"2001:db8::/129", "0 to 128"},
    {"192.0.2.1/24", "192.0.2.0/24"},
    {"2001:db8::1/64", "2001:db8::/64"},
    {"::ffff:10.0.0.1/104", "10.0.0.0/8"},
    {"::ffff:0:0/80", "::/80"},
};

TEST(parse)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        struct cidr cidr = cidr_from(good[i].text);
        char text[CIDR_TEXT_SIZE];
        assert_string_equal(cidr_format(&cidr, text), good[i].canonical);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cidr cidr;
        struct error err = {0};
        if (cidr_parse(bad[i].text, &cidr, &err))
            fail_msg("\"%s\" was taken for a network", bad[i].text);
        assert_non_null(strstr(err.text, bad[i].text));
        assert_non_null(strstr(err.text, bad[i].says));
    }
}

TEST(cidr_of)
{
    struct address address = address_of("2001:db8:1:2:3::4");
    char text[CIDR_TEXT_SIZE];
    struct cidr cidr = cidr_of(&address, 64);
    assert_string_equal(cidr_format(&cidr, text), "2001:db8:1:2::/64");
    address = address_of("192.0.2.1");
    cidr = cidr_of(&address, 64);
    assert_string_equal(cidr_format(&cidr, text), "192.0.2.1/32");
    address = (struct address){0};
    cidr = cidr_of(&address, 64);
    assert_string_equal(cidr_format(&cidr, text), "unknown");
}

static const struct {
    const char *net;
    const char *inner; /* an address or a net */
    bool is_inside;
} containments[] = {
    {"192.0.2.0/24", "192.0.2.0", true},
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.0/24", "192.0.1.255", false},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.128/25", "192.0.2.128", true},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "::", false},
    {"::/0", "192.0.2.1", false},
    {"::/0", "ffff::", true},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.0/24", "192.0.2.0/24", true},
    {"192.0.2.0/24", "192.0.2.0/25", true},
    {"192.0.2.0/24", "192.0.2.0/23", false},
};

TEST(contains)
{
    for (size_t i = 0; i < COUNT(containments); i++) {
        struct cidr outer = cidr_from(containments[i].net);
        struct cidr inner = cidr_from(containments[i].inner);
        struct cidr_list list = {0};
        struct error err;
        bool is_inside = containments[i].is_inside;
        assert_true(cidr_list_add(&list, containments[i].net, &err));
        assert_int_equal(cidr_contains_net(&outer, &inner), is_inside);
        assert_int_equal(cidr_list_contains_net(&list, &inner), is_inside);
        if (inner.prefix_length == address_bits(&inner.net)) {
            assert_int_equal(cidr_contains(&outer, &inner.net), is_inside);
            assert_int_equal(cidr_list_contains(&list, &inner.net), is_inside);
        }
        cidr_list_clear(&list);
    }
}

TEST(unknown_is_nowhere)
{
    struct cidr nothing = {0}, all = cidr_from("0.0.0.0/0");
    struct cidr_list list = {0};
    struct error err;
    assert_false(cidr_contains(&nothing, &nothing.net));
    assert_false(cidr_contains(&all, &nothing.net));
    assert_false(cidr_list_contains(&list, &all.net));
    assert_true(cidr_list_add(&list, "0.0.0.0/0", &err));
    assert_true(cidr_list_add(&list, "::/0", &err));
    assert_false(cidr_list_contains(&list, &nothing.net));
    assert_false(cidr_list_contains_net(&list, &nothing));
    cidr_list_clear(&list);
    cidr_list_clear(&list);
    assert_int_equal(list.count, 0);
}

TEST(list_keeps_the_widest)
{
    static const char *const texts[] = {
        "10.1.0.0/16",
        "10.1.2.0/24",
        "192.0.2.1",
        "10.0.0.0/8",
        "10.0.0.0/16",
        "10.0.0.0/8",
        "2001:db8::/48",
        "2001:db8::/32",
        "9.255.255.255",
    };
    static const char *const kept[] = {
        "9.255.255.255/32",
        "10.0.0.0/8",
        "192.0.2.1/32",
        "2001:db8::/32",
    };
    struct cidr_list list = {0};
    struct error err;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(cidr_list_add(&list, texts[i], &err));
    assert_int_equal(list.count, COUNT(kept));
    for (size_t i = 0; i < COUNT(kept); i++) {
        char text[CIDR_TEXT_SIZE];
        assert_string_equal(cidr_format(&list.items[i], text), kept[i]);
    }
    assert_false(cidr_list_add(&list, "10.0.0.0/7/", &err));
    assert_int_equal(list.count, COUNT(kept));
    cidr_list_clear(&list);
}

/* xorshift: the same schedule at every run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

#define NETS 300

/* A small address space, so that nets lie inside and beside each other. */
TEST(list_equals_linear_search)
{
    struct cidr nets[NETS];
    struct cidr_list list = {0};
    uint32_t seed = 20260821;
    for (size_t i = 0; i < NETS; i++) {
        uint8_t length = (uint8_t)(20 + next_random(&seed) % 13);
        uint32_t host = next_random(&seed);
        struct address address = {.family = ADDRESS_IPV4,
            .bytes = {10, 0, (uint8_t)(host >> 8), (uint8_t)host}};
        char text[CIDR_TEXT_SIZE];
        struct error err;
        if (length < 24 && i % 10 != 0)
            length = (uint8_t)(length + 8);
        nets[i] = cidr_of(&address, length);
        assert_true(cidr_list_add(&list, cidr_format(&nets[i], text), &err));
    }
    size_t inside = 0;
    for (uint32_t host = 0; host < 65536; host++) {
        struct address address = {.family = ADDRESS_IPV4,
            .bytes = {10, 0, (uint8_t)(host >> 8), (uint8_t)host}};
        bool expected = false;
        for (size_t i = 0; i < NETS && !expected; i++)
            expected = cidr_contains(&nets[i], &address);
        inside += expected;
        assert_int_equal(cidr_list_contains(&list, &address), expected);
    }
    /* Neither answer may be the rule, or the test would say nothing. */
    assert_between(inside, 10000, 60000);
    cidr_list_clear(&list);
}

RUN_TESTS(NULL, NULL)
