/*
 * test_event.c - names, who can feed what, and the texts of keys.
 */
#include "tests/unit/unit.h"

#include "common/core/event.h"

#include <string.h>

TEST(names_round_trip)
{
    enum face face;
    enum event_kind kind;
    enum key_part part;
    for (unsigned i = 0; i < FACES; i++) {
        assert_true(face_parse(face_name((enum face)i), &face));
        assert_int_equal(face, i);
    }
    for (unsigned i = 0; i < EVENT_KINDS; i++) {
        assert_true(
            event_kind_parse(event_kind_name((enum event_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    for (unsigned i = 0; i < KEY_PARTS; i++) {
        assert_true(key_part_parse(key_part_name((enum key_part)i), &part));
        assert_int_equal(part, i);
    }
    assert_null(face_name(FACES));
    assert_null(event_kind_name(EVENT_KINDS));
    assert_null(key_part_name(KEY_PARTS));
    assert_false(face_parse("", &face));
    assert_false(event_kind_parse("Connection", &kind));
    assert_false(key_part_parse("client ", &part));
}

/* As INTERFACE writes it: "Who can feed what". */
static const struct {
    const char *event;
    const char *faces;
} feeds[] = {
    {"connection", "anvil milter"},
    {"connection_count", "anvil milter"},
    {"message", "anvil policy milter"},
    {"recipient", "anvil policy milter"},
    {"rejected_recipient", "milter"},
    {"bytes", "policy milter"},
    {"tls", "anvil"},
    {"auth", "anvil"},
    {"etrn", "policy"},
    {"networks", "policy milter"},
    {"distinct_recipients", "policy milter"},
    {"distinct_recipient_domains", "policy milter"},
};

TEST(who_can_feed_what)
{
    assert_int_equal(COUNT(feeds), EVENT_KINDS);
    for (size_t i = 0; i < COUNT(feeds); i++) {
        enum event_kind kind;
        assert_true(event_kind_parse(feeds[i].event, &kind));
        for (unsigned f = 0; f < FACES; f++) {
            bool is_named =
                strstr(feeds[i].faces, face_name((enum face)f)) != NULL;
            assert_int_equal(event_can_feed((enum face)f, kind), is_named);
        }
    }
}

TEST(anvil_knows_the_client_only)
{
    for (unsigned i = 0; i < KEY_PARTS; i++) {
        const char *name = key_part_name((enum key_part)i);
        bool is_known = strcmp(name, "client") == 0 ||
                        strcmp(name, "client_address") == 0 ||
                        strcmp(name, "service") == 0;
        assert_int_equal(event_has_key(FACE_ANVIL, (enum key_part)i), is_known);
        assert_true(event_has_key(FACE_POLICY, (enum key_part)i));
        assert_true(event_has_key(FACE_MILTER, (enum key_part)i));
    }
}

static const struct {
    const char *address;
    const char *domain;
} domains[] = {
    {"a@example.com", "example.com"},
    {"\"a@b\"@example.com", "example.com"},
    {"a", ""},
    {"a@", ""},
    {"", ""},
    {"@example.com", "example.com"},
};

TEST(key_texts)
{
    for (size_t i = 0; i < COUNT(domains); i++) {
        struct event event = {
            .service = "25",
            .sender = domains[i].address,
            .recipient = "r@r.example",
            .sasl_username = domains[i].address,
            .helo = "host",
        };
        assert_string_equal(
            event_key_text(&event, KEY_SENDER), domains[i].address);
        assert_string_equal(
            event_key_text(&event, KEY_SENDER_DOMAIN), domains[i].domain);
        assert_string_equal(
            event_key_text(&event, KEY_RECIPIENT), "r@r.example");
        assert_string_equal(
            event_key_text(&event, KEY_RECIPIENT_DOMAIN), "r.example");
        assert_string_equal(
            event_key_text(&event, KEY_SASL_USERNAME), domains[i].address);
        assert_string_equal(
            event_key_text(&event, KEY_SASL_DOMAIN), domains[i].domain);
        assert_string_equal(event_key_text(&event, KEY_HELO), "host");
        assert_string_equal(event_key_text(&event, KEY_SERVICE), "");
        assert_string_equal(event_key_text(&event, KEY_CLIENT), "");
    }
}

RUN_TESTS(NULL, NULL)
