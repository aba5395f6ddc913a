/*
 * test_address.c - reading, writing, masking and comparing addresses.
 */
#include "tests/unit/unit.h"

#include "common/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const struct {
    const char *text;
    const char *canonical;
} good[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
    {"[192.0.2.1]", "192.0.2.1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"::FFFF:c000:201", "192.0.2.1"},
    {"IPv6:::ffff:192.0.2.1", "192.0.2.1"},
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"2001:db8::1", "2001:db8::1"},
    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"IPv6:2001:db8::1", "2001:db8::1"},
    {"ipv6:2001:db8::1", "2001:db8::1"},
    {"[IPv6:2001:db8::1]", "2001:db8::1"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
    {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
    {"0:0:2:3:4:5:6:7", "::2:3:4:5:6:7"},
    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
    {"0a0b:00c0:000d::ffff", "a0b:c0:d::ffff"},
    {"::1.2.3.4", "::102:304"},
    {"::fffe:1.2.3.4", "::fffe:102:304"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

static const char *const bad[] = {
    "",
    "unknown",
    "192.0.2",
    "192.0.2.1.1",
    "192.0.2.256",
    "192.0.2.01",
    "00.0.0.0",
    "0x7f.0.0.1",
    "2130706433",
    "192.0.2.1 ",
    " 192.0.2.1",
    "192.0.2.1:25",
    "192.0.2.1/32",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    "12345::",
    "g::",
    "[2001:db8::1",
    "2001:db8::1]",
    "[]",
    "[",
    "IPv6:",
    "IPv6:192.0.2.1",
    "IPv4:192.0.2.1",
    "IPv6:[2001:db8::1]",
    "::ffff:192.0.2.01",
    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
};

TEST(parse_and_format)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        struct address address;
        char text[ADDRESS_TEXT_SIZE];
        assert_true(
            address_parse(good[i].text, strlen(good[i].text), &address));
        assert_string_equal(address_format(&address, text), good[i].canonical);
        bool is_ipv4 = strchr(good[i].canonical, ':') == NULL;
        assert_int_equal(address.family, is_ipv4 ? ADDRESS_IPV4 : ADDRESS_IPV6);
        assert_int_equal(address_bits(&address), is_ipv4 ? 32 : 128);
    }
}

TEST(parse_refuses)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct address address = {.family = ADDRESS_IPV4, .bytes = {1}};
        char text[ADDRESS_TEXT_SIZE];
        if (address_parse(bad[i], strlen(bad[i]), &address))
            fail_msg("\"%s\" was taken for an address", bad[i]);
        assert_int_equal(address.family, ADDRESS_NONE);
        assert_int_equal(address_bits(&address), 0);
        assert_string_equal(address_format(&address, text), "unknown");
    }
}

/* The text is a slice of a request: what follows it must not be read. */
TEST(parse_keeps_to_length)
{
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    assert_true(address_parse("192.0.2.123", 10, &address));
    assert_string_equal(address_format(&address, text), "192.0.2.12");
    assert_false(address_parse("192.0.2.1\0", 10, &address));
    assert_false(address_parse("::1\0::", 6, &address));
    assert_false(address_parse("192.0.2.1", 0, &address));
}

/* Every IPv6 text that we write must read as the same address again. */
TEST(format_agrees_with_libc)
{
    /* Each group is zero or not: all 256 patterns of zero runs. */
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        struct address address = {.family = ADDRESS_IPV6}, again;
        char text[ADDRESS_TEXT_SIZE], libc[INET6_ADDRSTRLEN];
        for (unsigned group = 0; group < 8; group++)
            address.bytes[2 * group] = pattern & 1u << group ? 0xa0 : 0;
        address_format(&address, text);
        inet_ntop(AF_INET6, address.bytes, libc, sizeof libc);
        /* libc writes ::a000:0 as an IPv4 address inside IPv6. */
        if (strchr(libc, '.') == NULL)
            assert_string_equal(text, libc);
        assert_true(address_parse(text, strlen(text), &again));
        assert_true(address_equal(&address, &again));
    }
}

TEST(from_sockaddr)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(25)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(26)};
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    uint16_t port = 0;

    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &in.sin_addr), 1);
    memcpy(&storage, &in, sizeof in);
    assert_true(address_from_sockaddr(
        (const struct sockaddr *)&storage, &address, &port));
    assert_string_equal(address_format(&address, text), "192.0.2.7");
    assert_int_equal(port, 25);

    assert_int_equal(
        inet_pton(AF_INET6, "::ffff:192.0.2.8", &in6.sin6_addr), 1);
    memcpy(&storage, &in6, sizeof in6);
    assert_true(address_from_sockaddr(
        (const struct sockaddr *)&storage, &address, &port));
    assert_string_equal(address_format(&address, text), "192.0.2.8");
    assert_int_equal(port, 26);

    storage.ss_family = AF_UNIX;
    assert_false(address_from_sockaddr(
        (const struct sockaddr *)&storage, &address, NULL));
    assert_int_equal(address.family, ADDRESS_NONE);
}

TEST(there_and_back)
{
    static const struct {
        const char *text;
        socklen_t len;
    } cases[] = {
        {"192.0.2.7", sizeof(struct sockaddr_in)},
        {"2001:db8::7", sizeof(struct sockaddr_in6)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sockaddr_storage storage;
        struct address address, again;
        uint16_t port;
        assert_true(
            address_parse(cases[i].text, strlen(cases[i].text), &address));
        assert_int_equal(
            address_to_sockaddr(&address, 6379, &storage), cases[i].len);
        assert_true(address_from_sockaddr(
            (const struct sockaddr *)&storage, &again, &port));
        assert_true(address_equal(&address, &again));
        assert_int_equal(port, 6379);
    }
}

static const struct {
    const char *text;
    unsigned length;
    const char *masked;
} masks[] = {
    {"255.255.255.255", 0, "0.0.0.0"},
    {"255.255.255.255", 1, "128.0.0.0"},
    {"255.255.255.255", 9, "255.128.0.0"},
    {"255.255.255.255", 24, "255.255.255.0"},
    {"255.255.255.255", 31, "255.255.255.254"},
    {"255.255.255.255", 32, "255.255.255.255"},
    {"255.255.255.255", 200, "255.255.255.255"},
    {"2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"},
    {"ffff::ffff", 127, "ffff::fffe"},
    {"ffff::ffff", 128, "ffff::ffff"},
    {"ffff::ffff", 0, "::"},
};

TEST(mask)
{
    for (size_t i = 0; i < COUNT(masks); i++) {
        struct address address;
        char text[ADDRESS_TEXT_SIZE];
        assert_true(
            address_parse(masks[i].text, strlen(masks[i].text), &address));
        address_mask(&address, masks[i].length);
        assert_string_equal(address_format(&address, text), masks[i].masked);
    }
}

TEST(equal)
{
    struct address ipv4, mapped, zero, none = {0};
    address_parse("192.0.2.1", 9, &ipv4);
    address_parse("::ffff:192.0.2.1", 16, &mapped);
    address_parse("0.0.0.0", 7, &zero);
    assert_true(address_equal(&ipv4, &mapped));
    assert_false(address_equal(&ipv4, &zero));
    assert_false(address_equal(&zero, &none));
}

RUN_TESTS(NULL, NULL)
