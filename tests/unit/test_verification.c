/*
 * test_verification.c - when a place of verify is asked, and when its problem
 * is said. Nothing listens at the place: test_certs_verify.py has servers.
 */
#include "tests/unit/unit.h"

#include "common/config/verify_place.h"
#include "tests/unit/publish_stage.h"

#include <stdio.h>
#include <string.h>

static const char section[] = "certificate \"a.example\" {\n"
                              "  source = \"combined:%s/a.pem\"\n"
                              "  default_chain = \"%s/tls/chain.pem\"\n"
                              "  refresh_map = \"%s/tls/map.cdb\"\n"
                              "  verify = \"127.0.0.1:1\"\n"
                              "}\n";
static const char section_without_map[] =
    "certificate \"a.example\" {\n"
    "  source = \"combined:%s/a.pem\"\n"
    "  default_chain = \"%s/tls/chain.pem\"\n"
    "  verify = \"127.0.0.1:1\"\n"
    "}\n";

static bool was_looked_now(struct certs_stage *stage)
{
    return stage_report(stage, 0).verify.looked_s == stage->now_s;
}

/* The next look comes after so many seconds, and no earlier. */
static void look_after(struct certs_stage *stage, unsigned s)
{
    stage->now_s++;
    if (s > 1) {
        stage_advance(stage, s - 1);
        assert_false(was_looked_now(stage));
    }
    stage_advance(stage, s > 1 ? 1 : s);
    stage_await(stage, was_looked_now, "it is looked at");
}

static void start(struct certs_stage *stage, const char *text)
{
    stage_write_combined(stage, "a.pem", &publish_issued[0]);
    stage_configure(stage, text);
}

/* Not before the map has been renamed over again. */
static void look_after_map(struct certs_stage *stage)
{
    stage->now_s++;
    stage_advance(stage, 1);
    assert_false(publish_is_map_done(stage));
    stage_run(stage, 50);
    assert_false(was_looked_now(stage));
    stage_advance(stage, 1);
    stage_await(stage, was_looked_now, "it is looked at");
    assert_true(publish_is_map_done(stage));
}

static const char said[] = "not served as published: 127.0.0.1:1: Connection "
                           "refused";

/* Postfix may start after us. */
TEST_WITH(publish_setup, publish_teardown, after_a_start)
{
    struct certs_stage *stage = *state;
    static const unsigned pauses[] = {1, 4, 10, 45};

    start(stage, section_without_map);
    for (size_t i = 0; i < COUNT(pauses); i++) {
        look_after(stage, pauses[i]);
        assert_non_null(stage_report(stage, 0).verify.problem);
        assert_false(stage_report(stage, 0).verify.has_failed);
    }
    assert_int_equal(stage_count_log(stage, said), 0);
    look_after(stage, 240);
    assert_true(stage_report(stage, 0).verify.has_failed);
    assert_int_equal(stage_count_log(stage, said), 1);
    for (unsigned i = 0; i < 3; i++)
        look_after(stage, 300);
    assert_int_equal(stage_count_log(stage, said), 1);
    assert_int_equal(stage_report(stage, 0).verify.good_s, 0);
}

/* With the map, what smtpd had read before is gone soon. */
TEST_WITH(publish_setup, publish_teardown, after_a_change)
{
    struct certs_stage *stage = *state;

    start(stage, section);
    look_after_map(stage);
    stage_write_combined(stage, "a.pem", &publish_issued[1]);
    stage_await(stage, publish_is_second_there, "the file is another");
    look_after_map(stage);
    assert_false(stage_report(stage, 0).verify.has_failed);
    look_after(stage, 4);
    assert_int_equal(stage_count_log(stage, said), 0);
    look_after(stage, 10);
    assert_true(stage_report(stage, 0).verify.has_failed);
    assert_int_equal(stage_count_log(stage, said), 1);
}

/* What is known stays, and is no news. */
TEST_WITH(publish_setup, publish_teardown, a_reload)
{
    struct certs_stage *stage = *state;
    static const unsigned pauses[] = {1, 4, 10, 45, 240};

    start(stage, section_without_map);
    for (size_t i = 0; i < COUNT(pauses); i++)
        look_after(stage, pauses[i]);
    stage_configure(stage, section_without_map);
    assert_true(stage_report(stage, 0).verify.has_failed);
    look_after(stage, 1);
    assert_int_equal(stage_count_log(stage, said), 1);
    stage_configure(stage, "certificate \"a.example\" {\n"
                           "  source = \"combined:%s/a.pem\"\n"
                           "  verify = \"localhost:1\"\n"
                           "}\n");
    assert_false(stage_report(stage, 0).verify.has_failed);
    assert_string_equal(stage_report(stage, 0).verify.places, "localhost:1");
    stage_configure(
        stage, "certificate \"a.example\" { source = \"combined:%s/a.pem\" }");
    assert_string_equal(stage_report(stage, 0).verify.places, "");
    stage_advance(stage, 300);
    assert_int_equal(stage_report(stage, 0).verify.looked_s, 0);
}

/* Whoever has mended it need not wait. */
TEST_WITH(publish_setup, publish_teardown, certs_reload_looks_at_once)
{
    struct certs_stage *stage = *state;

    start(stage, section_without_map);
    look_after(stage, 1);
    stage->now_s++;
    stage_look(stage);
    stage_await(stage, was_looked_now, "it is looked at");
}

TEST_WITH(publish_setup, publish_teardown, nothing_to_serve_is_not_asked_for)
{
    struct certs_stage *stage = *state;

    stage_configure(stage, section);
    stage_advance(stage, 300);
    assert_int_equal(stage_report(stage, 0).verify.looked_s, 0);
    assert_null(stage_report(stage, 0).verify.problem);
}

static const struct {
    const char *text, *host; /* NULL: refused */
    unsigned port;
    bool sends_proxy, is_wrapped;
} places[] = {
    {"127.0.0.1:25", "127.0.0.1", 25, false, false},
    {"[::1]:25", "::1", 25, false, false},
    {"tls:127.0.0.1:465", "127.0.0.1", 465, false, true},
    {"proxy:127.0.0.1:10025", "127.0.0.1", 10025, true, false},
    {"proxy:tls:[2001:db8::1]:10465", "2001:db8::1", 10465, true, true},
    {"mail-1.example.com:25", "mail-1.example.com", 25, false, false},
    {"tls:mailserver:465", "mailserver", 465, false, true},
    {"127.0.0.1", NULL, 0, false, false},
    {"127.0.0.1:0", NULL, 0, false, false},
    {"127.0.0.1:65536", NULL, 0, false, false},
    {"127.0.0.1:smtp", NULL, 0, false, false},
    {"127.1:25", NULL, 0, false, false},
    {"::1:25", NULL, 0, false, false},
    {"a b:25", NULL, 0, false, false},
    {":25", NULL, 0, false, false},
    {"tls:proxy:127.0.0.1:25", NULL, 0, false, false},
    {"127.0.0.1:25 proxy", NULL, 0, false, false},
};

TEST(places)
{
    for (size_t i = 0; i < COUNT(places); i++) {
        struct config_verify_place place;
        struct error err;
        bool is_good = verify_place_parse(places[i].text, &place, &err);
        if (is_good != (places[i].host != NULL))
            fail_msg("%s", places[i].text);
        if (!is_good) {
            assert_non_null(strstr(err.text, places[i].text));
            assert_non_null(strstr(err.text, "proxy:tls:HOST:PORT"));
            continue;
        }
        assert_string_equal(place.text, places[i].text);
        assert_string_equal(place.host, places[i].host);
        assert_int_equal(place.port, places[i].port);
        assert_int_equal(place.sends_proxy, places[i].sends_proxy);
        assert_int_equal(place.is_wrapped, places[i].is_wrapped);
        verify_place_clear(&place);
        assert_null(place.text);
    }
}

RUN_TESTS(publish_make_issued, publish_clear_issued)
