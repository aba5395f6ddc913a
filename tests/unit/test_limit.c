/*
 * test_limit.c - which limits apply to an event, and whose counter it is.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/core/limit.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(part) ((uint16_t)(1u << (part)))

static const struct limit_prefixes prefixes = {.ipv4 = 32, .ipv6 = 64};

static struct event event_from(const char *client)
{
    struct event event = {
        .face = FACE_POLICY,
        .service = "smtp",
        .client_text = client,
        EVENT_NO_TEXTS,
    };
    struct error err;
    if (client[0] != '\0' && !cidr_parse(client, &event.client, &err))
        fail_msg("%s", err.text);
    return event;
}

/* The event of most rows: everything is known. */
static struct event full_event(void)
{
    struct event event = event_from("198.51.100.7");
    event.sasl_username = "bob@example.net";
    event.sender = "a@example.com";
    event.recipient = "b@example.org";
    event.helo = "host.example";
    return event;
}

TEST(empty_limit_applies_to_all)
{
    struct limit limit = {0};
    char *none[] = {NULL};
    struct event event = event_from("");
    assert_true(limit_applies(&limit, &event, ""));
    limit.services = none;
    assert_true(limit_applies(&limit, &event, "25"));
}

TEST(services)
{
    char smtp[] = "smtp", submission[] = "submission", title[] = "25";
    char *by_name[] = {submission, smtp, NULL};
    char *by_title[] = {title, NULL};
    char *others[] = {submission, NULL};
    struct event event = event_from("");
    struct limit limit = {.services = by_name};
    assert_true(limit_applies(&limit, &event, "25"));
    limit.services = by_title;
    assert_true(limit_applies(&limit, &event, "25"));
    assert_false(limit_applies(&limit, &event, "465"));
    limit.services = others;
    assert_false(limit_applies(&limit, &event, "25"));
}

static const struct {
    const char *client;
    bool is_in; /* 198.51.100.0/24, 2001:db8::/64 */
} clients[] = {
    {"198.51.100.7", true},
    {"198.51.100.128/25", true},
    {"198.51.100.0/24", true},
    {"198.51.100.0/23", false},
    {"198.51.101.7", false},
    {"2001:db8::9", true},
    {"2001:db8::/64", true},
    {"2001:db8::/63", false},
    {"", false},
};

TEST(clients)
{
    struct limit limit = {0};
    struct error err;
    assert_true(cidr_list_add(&limit.clients, "198.51.100.0/24", &err));
    assert_true(cidr_list_add(&limit.clients, "2001:db8::/64", &err));
    for (size_t i = 0; i < COUNT(clients); i++) {
        struct event event = event_from(clients[i].client);
        assert_int_equal(limit_applies(&limit, &event, "25"), clients[i].is_in);
    }
    limit_clear(&limit);
}

TEST(authentication)
{
    struct event with = full_event(), without = event_from("198.51.100.7");
    struct limit limit = {.authenticated = LIMIT_AUTH_ANY};
    assert_true(limit_applies(&limit, &with, "25"));
    assert_true(limit_applies(&limit, &without, "25"));
    limit.authenticated = LIMIT_AUTH_YES;
    assert_true(limit_applies(&limit, &with, "25"));
    assert_false(limit_applies(&limit, &without, "25"));
    limit.authenticated = LIMIT_AUTH_NO;
    assert_false(limit_applies(&limit, &with, "25"));
    assert_true(limit_applies(&limit, &without, "25"));
}

TEST(unknown_parts_silence_a_limit)
{
    struct event full = full_event(), empty = event_from("");
    for (unsigned part = 0; part < KEY_PARTS; part++) {
        struct limit limit = {
            .key = BIT(part) | BIT(KEY_SERVICE),
        };
        assert_true(limit_applies(&limit, &full, "25"));
        assert_int_equal(
            limit_applies(&limit, &empty, ""), part == KEY_SERVICE);
    }
    /* All parts must be known, not just one; a domain needs its '@'. */
    struct limit both = {.key = BIT(KEY_CLIENT) | BIT(KEY_SENDER)};
    struct limit domain = {.key = BIT(KEY_SENDER_DOMAIN)};
    full.sender = "";
    assert_false(limit_applies(&both, &full, "25"));
    full.sender = "local";
    assert_true(limit_applies(&both, &full, "25"));
    assert_false(limit_applies(&domain, &full, "25"));
}

#define CLIENT BIT(KEY_CLIENT)

static const struct {
    uint16_t key;
    bool applies; /* to an exempt client of whom everything is known */
} exemptions[] = {
    {CLIENT, false},
    {BIT(KEY_CLIENT_ADDRESS), false},
    {BIT(KEY_HELO), false},
    {BIT(KEY_SERVICE), false},
    {0, false}, /* max_per_message */
    {CLIENT | BIT(KEY_SERVICE), false},
    {CLIENT | BIT(KEY_SENDER), false},
    {BIT(KEY_CLIENT_ADDRESS) | BIT(KEY_RECIPIENT), false},
    {BIT(KEY_HELO) | BIT(KEY_SENDER), false},
    {BIT(KEY_SASL_USERNAME), true},
    {BIT(KEY_SASL_USERNAME) | CLIENT, true},
    {BIT(KEY_SASL_USERNAME) | BIT(KEY_CLIENT_ADDRESS), true},
    {BIT(KEY_SASL_USERNAME) | BIT(KEY_SERVICE), true},
    {BIT(KEY_SASL_DOMAIN) | CLIENT, true},
    {BIT(KEY_SENDER), true},
    {BIT(KEY_SENDER_DOMAIN), true},
    {BIT(KEY_RECIPIENT), true},
    {BIT(KEY_RECIPIENT_DOMAIN) | BIT(KEY_SERVICE), true},
};

TEST(exempt_clients_are_free_of_limits_by_client)
{
    struct event event = full_event();
    for (size_t i = 0; i < COUNT(exemptions); i++) {
        struct limit limit = {.key = exemptions[i].key};
        event.is_exempt = false;
        assert_true(limit_applies(&limit, &event, "25"));
        event.is_exempt = true;
        if (limit_applies(&limit, &event, "25") != exemptions[i].applies)
            fail_msg("row %zu", i);
    }
    /* Who has not logged in has no counter by login. */
    struct limit limit = {.key = BIT(KEY_SASL_USERNAME)};
    event.sasl_username = "";
    assert_false(limit_applies(&limit, &event, "25"));
}

static const struct {
    uint16_t key;
    const char *client;
    const char *sender;
    const char *service;
    const char *subject;
} subjects[] = {
    {CLIENT, "198.51.100.7", "", "", "c=198.51.100.7"},
    {CLIENT, "2001:db8::1", "", "", "c=2001:db8::/64"},
    {CLIENT, "2001:db8::/84", "", "", "c=2001:db8::/64"},
    {CLIENT, "2001:db8::/56", "", "", "c=2001:db8::/56"},
    {CLIENT, "198.51.100.0/24", "", "", "c=198.51.100.0/24"},
    {CLIENT, "", "", "", "c=unknown"},
    {BIT(KEY_CLIENT_ADDRESS), "2001:db8::1", "", "", "a=2001:db8::1"},
    {BIT(KEY_CLIENT_ADDRESS), "2001:db8::/84", "", "", "a=2001:db8::/84"},
    {CLIENT | BIT(KEY_SERVICE), "198.51.100.7", "", "25",
        "s=25|c=198.51.100.7"},
    {CLIENT | BIT(KEY_SERVICE), "198.51.100.7", "", "", "s=|c=198.51.100.7"},
    {BIT(KEY_SERVICE), "", "", "SMTP", "s=SMTP"},
    {BIT(KEY_SENDER), "", "Bob@Example.COM", "", "f=bob@example.com"},
    {BIT(KEY_SENDER_DOMAIN), "", "Bob@Example.COM", "", "F=example.com"},
    {BIT(KEY_SENDER), "", "a|c={1}%#\x1f\x7f\xc3\x84 =b", "",
        "f=a%7cc=%7b1%7d@%23%1f%7f%c3%84=b"},
    {BIT(KEY_SENDER) | BIT(KEY_SERVICE), "", "a", "2|f=5", "s=2%7cf=5|f=a"},
};

TEST(subjects)
{
    for (size_t i = 0; i < COUNT(subjects); i++) {
        struct event event = event_from(subjects[i].client);
        struct subject subject;
        event.sender = subjects[i].sender;
        limit_subject(
            subjects[i].key, &event, subjects[i].service, prefixes, &subject);
        assert_string_equal(subject.text, subjects[i].subject);
        assert_int_equal(subject.len, strlen(subject.text));
    }
}

TEST(key_texts)
{
    static const struct {
        uint16_t key;
        const char *text;
    } keys[] = {
        {BIT(KEY_SENDER), "sender:a@example.com"},
        {BIT(KEY_SASL_USERNAME), "sasl:bob@example.net"},
        {BIT(KEY_SASL_DOMAIN), "sasl_domain:example.net"},
        {BIT(KEY_SERVICE) | BIT(KEY_CLIENT), "client:2001:db8::/64,service:25"},
        {BIT(KEY_CLIENT_ADDRESS), "client_address:2001:db8::7"},
        {BIT(KEY_RECIPIENT_DOMAIN) | BIT(KEY_HELO),
            "recipient_domain:example.org,helo:host.example"},
        {0, ""},
    };
    char text[LIMIT_KEY_TEXT_SIZE], name[300];
    struct event event = full_event();
    struct error err;

    assert_true(cidr_parse("2001:db8::7", &event.client, &err));
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_string_equal(
            limit_key_text(keys[i].key, &event, "25", prefixes, text),
            keys[i].text);
    /* Of what is long the end, and never beyond the text. */
    memset(name, 'x', sizeof name);
    memcpy(name + sizeof name - sizeof "@long.example", "@long.example",
        sizeof "@long.example");
    event.sasl_username = event.sender = event.recipient = event.helo = name;
    limit_key_text((1u << KEY_PARTS) - 1, &event, name, prefixes, text);
    assert_true(strlen(text) > 300 && strlen(text) < LIMIT_KEY_TEXT_SIZE);
    limit_key_text(BIT(KEY_SENDER), &event, "", prefixes, text);
    assert_int_equal(strlen(text), sizeof "sender:" - 1 + 95);
    assert_non_null(strstr(text, "x@long.example"));
    event.is_unproxied = true;
    assert_string_equal(
        limit_key_text(BIT(KEY_CLIENT), &event, "", prefixes, text),
        "client:unproxied");
}

TEST(subject_of_all_parts)
{
    struct event event = full_event();
    struct subject subject;
    event.sasl_username = "b@d";
    limit_subject((1u << KEY_PARTS) - 1, &event, "25", prefixes, &subject);
    assert_string_equal(subject.text,
        "s=25|c=198.51.100.7|a=198.51.100.7|u=b@d|U=d|f=a@example.com|"
        "F=example.com|t=b@example.org|T=example.org|h=host.example");
}

TEST(prefixes)
{
    struct event event = event_from("198.51.100.7");
    struct limit_prefixes wide = {.ipv4 = 24, .ipv6 = 0};
    struct subject subject;
    limit_subject(CLIENT, &event, "", wide, &subject);
    assert_string_equal(subject.text, "c=198.51.100.0/24");
    event = event_from("2001:db8::1");
    limit_subject(CLIENT, &event, "", wide, &subject);
    assert_string_equal(subject.text, "c=::/0");
}

/* What limit_subject must write for "f=" and this sender, by its contract. */
static void expected_subject(const char *sender, char text[SUBJECT_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *whole = xprintf("f=%s", sender);
    size_t len = strlen(whole);
    if (len < SUBJECT_SIZE) {
        memcpy(text, whole, len + 1);
    } else {
        SHA256((const unsigned char *)whole, len, digest);
        memcpy(text, whole, SUBJECT_SIZE - 34);
        text[SUBJECT_SIZE - 34] = '#';
        for (int i = 0; i < 16; i++)
            snprintf(text + SUBJECT_SIZE - 33 + 2 * i, 3, "%02x", digest[i]);
    }
    free(whole);
}

TEST(long_subjects_are_hashed)
{
    char sender[5000], expected[SUBJECT_SIZE];
    for (size_t len = 90; len < sizeof sender; len += len < 300 ? 1 : 701) {
        struct event event = event_from("");
        struct subject subject, other;
        for (size_t i = 0; i < len; i++)
            sender[i] = (char)('a' + (i * 7 + i / 26) % 26);
        sender[len] = '\0';
        event.sender = sender;
        limit_subject(BIT(KEY_SENDER), &event, "", prefixes, &subject);
        expected_subject(sender, expected);
        assert_string_equal(subject.text, expected);
        assert_int_equal(subject.len, strlen(expected));

        sender[len - 1] = (char)(sender[len - 1] == 'z' ? 'a' : 'z');
        limit_subject(BIT(KEY_SENDER), &event, "", prefixes, &other);
        assert_string_not_equal(subject.text, other.text);
    }
}

/* A sender may spell what a long one becomes: it must not share its counter. */
TEST(nobody_spells_a_hashed_subject)
{
    char sender[200];
    struct event event = event_from("");
    struct subject hashed, forged;
    memset(sender, 'x', sizeof sender - 1);
    sender[sizeof sender - 1] = '\0';
    event.sender = sender;
    limit_subject(BIT(KEY_SENDER), &event, "", prefixes, &hashed);
    assert_int_equal(hashed.text[SUBJECT_SIZE - 34], '#');
    event.sender = hashed.text + strlen("f=");
    limit_subject(BIT(KEY_SENDER), &event, "", prefixes, &forged);
    assert_string_not_equal(hashed.text, forged.text);
}

static const struct {
    const char *item, *sender;
    bool is_for;
} name_rows[] = {
    {"bob@example.com", "bob@example.com", true},
    {"bob@example.com", "BOB@Example.COM.", true},
    {"bob@example.com", "\"bob\"@example.com", true},
    {"bob@example.com", "bob+news@example.com", true},
    {"bob@example.com", "eve@example.com", false},
    {"bob@example.com", "bob@example.com.evil.example", false},
    {"@example.com", "any@EXAMPLE.com", true},
    {"@example.com", "any@sub.example.com", false},
    {"@example.com", "any@notexample.com", false},
    {"@example.com", "example.com", false},
    {"@example.com", "\"x@example.com\"@other.example", false},
    {"@example.com", "@example.com", true},
    {"@example.com", "", false},
};

TEST(names)
{
    for (size_t i = 0; i < COUNT(name_rows); i++) {
        struct limit_names names = {0};
        struct limit limit = {
            .names = &names, .prefixes = {.recipient_delimiter = "+"}};
        struct event event = full_event();

        name_list_add(&names.senders, "zoe@example.net");
        name_list_add(&names.senders, name_rows[i].item);
        name_list_add(&names.senders, "@A.example");
        name_list_sort(&names.senders);
        event.sender = name_rows[i].sender;
        if (limit_applies(&limit, &event, "25") != name_rows[i].is_for)
            fail_msg("%s: %s", name_rows[i].item, name_rows[i].sender);
        name_list_clear(&names.senders);
    }
}

/* Each list that is given must name the mail. */
TEST(names_of_several_kinds)
{
    struct limit_names names = {0};
    struct limit limit = {.names = &names};
    struct event event = full_event();

    name_list_add(&names.logins, "@example.net");
    assert_true(limit_applies(&limit, &event, "25"));
    name_list_add(&names.recipients, "b@example.org");
    assert_true(limit_applies(&limit, &event, "25"));
    event.recipient = "c@example.org";
    assert_false(limit_applies(&limit, &event, "25"));
    event.recipient = "b@example.org";
    event.sasl_username = "";
    assert_false(limit_applies(&limit, &event, "25"));
    name_list_clear(&names.logins);
    name_list_clear(&names.recipients);
}

TEST(clear)
{
    struct limit limit = {
        .name = xstrdup("a"),
        .store_name = xstrdup("b"),
        .services = xcalloc(2, sizeof(char *)),
        .action = xstrdup("450"),
        .n = 7,
    };
    struct error err;
    limit.services[0] = xstrdup("25");
    assert_true(cidr_list_add(&limit.clients, "192.0.2.1", &err));
    limit.names = xcalloc(1, sizeof *limit.names);
    name_list_add(&limit.names->logins, "bob");
    limit_clear(&limit);
    assert_null(limit.name);
    assert_int_equal(limit.clients.count, 0);
    limit_clear(&limit);
}

RUN_TESTS(NULL, NULL)
