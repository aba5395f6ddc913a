/*
 * test_override.c - limit, key and rate as people write them.
 */
#include "tests/unit/engine_bench.h"

#include "common/engine/override.h"

#include <string.h>

static const char limits[] =
    "client_limits_at = \"anvil\"\n"
    "client_message_rate_limit = 5\n"
    "client_connection_count_limit = 4\n"
    "limit \"user\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"sasl_username\" } rate = \"20/1h\" }\n"
    "limit \"address\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"client_address\" } rate = \"20/1h\" }\n"
    "limit \"pair\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"sasl_username\", \"recipient_domain\" } rate = \"20/1h\" }\n"
    "limit \"wide\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"client/24/48\" } rate = \"20/1h\" }\n"
    "limit \"cap\" { event = \"recipient\" max_per_message = 3 }\n"
    "limit \"volume\" { at = \"policy\" event = \"bytes\"\n"
    "  key = { \"sasl_username\" } rate = \"1m/1h\" }\n";

TEST(keys)
{
    static const struct {
        const char *limit, *text, *subject, *why; /* one of the two */
    } rows[] = {
        {"user", "sasl:bob", "u=bob", NULL},
        {"user", "sasl_username=Bob", "u=bob", NULL},
        {"user", "sasl:a,b@c", "u=a,b@c", NULL},
        {"user", "sasl:a=b", "u=a=b", NULL},
        {"user", "sasl:a|b", "u=a%7cb", NULL},
        {"client_message_rate_limit", "198.51.100.7", "c=198.51.100.7", NULL},
        {"client_message_rate_limit", "client=198.51.100.7", "c=198.51.100.7",
            NULL},
        {"client_message_rate_limit", "2001:db8::7", "c=2001:db8::/64", NULL},
        {"client_message_rate_limit", "client:2001:db8::7", "c=2001:db8::/64",
            NULL},
        {"client_message_rate_limit", "198.51.100.7,service:25",
            "s=25|c=198.51.100.7", NULL},
        {"client_message_rate_limit", "service=25,unproxied", "",
            "key of limit client_message_rate_limit is made of: client"},
        {"client_message_rate_limit", "service=25,client=unproxied",
            "s=25|c=unproxied", NULL},
        {"address", "2001:db8::7", "a=2001:db8::7", NULL},
        {"wide", "2001:db8::7", "c=2001:db8::/48", NULL},
        {"pair", "sasl:bob,recipient_domain:example.org", "u=bob|T=example.org",
            NULL},
        {"pair", "recipient_domain=Example.org,sasl=bob", "u=bob|T=example.org",
            NULL},
        {"pair", "sasl:bob", NULL, "made of: sasl_username,recipient_domain"},
        {"user", "198.51.100.7", NULL, "limit user is made of: sasl_username"},
        {"user", "sasl:@Example.com", "U=example.com", NULL},
        {"pair", "recipient_domain:b.example,sasl_domain:example.com",
            "U=example.com|T=b.example", NULL},
        {"user", "sasl:bob,sasl:@example.com", NULL,
            "is made of: sasl_username"},
        {"address", "sasl:@example.com", NULL, "is made of: client_address"},
        {"user", "sasl:bob,sasl:eve", NULL, "given twice"},
        {"user", "sasl:bob,service:25", NULL, "all services together"},
        {"user", "user:bob", NULL, "no such kind of key"},
        {"user", "sasl:", NULL, "1 to"},
        {"user", "", NULL, "not a network"},
        {"cap", "sasl:bob", NULL, "has no key"},
        {"cap", "service:25", NULL, "all services together"},
    };
    struct config *config = bench_load(limits);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edict edict = {.kind = EDICT_BAN};
        struct error err;
        const struct limit *limit =
            override_find_limit(config, rows[i].limit, &err);
        assert_non_null(limit);
        bool is_good =
            override_set_key(&edict, config, limit, rows[i].text, &err);
        if (is_good != (rows[i].why == NULL))
            fail_msg("%s: %s", rows[i].text, is_good ? "taken" : err.text);
        if (is_good)
            assert_string_equal(edict_subject(&edict), rows[i].subject);
        else if (strstr(err.text, rows[i].why) == NULL)
            fail_msg("%s: %s", rows[i].text, err.text);
    }
    config_unref(&config);
}

static const char narrow_limits[] =
    "exempt_clients = { \"203.0.113.0/24\" }\n"
    "client_limits_at = \"policy\"\n"
    "client_message_rate_limit = 5\n"
    "service \"in\" { names = { \"smtp\", \"25\" } }\n"
    "limit \"login\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"sasl_username\" } rate = \"20/1h\" }\n"
    "limit \"from\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"sender\" } rate = \"20/1h\" }\n"
    "limit \"from-domain\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"sender_domain\" } rate = \"20/1h\" }\n"
    "limit \"to\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"recipient\" } rate = \"20/1h\" }\n"
    "limit \"to-domain\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"recipient_domain\", \"service\" } rate = \"20/1h\" }\n"
    "limit \"name\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"helo\" } rate = \"20/1h\" }\n"
    "limit \"address\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"client_address\" } rate = \"20/1h\" }\n"
    "limit \"wide\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"client/24/48\" } rate = \"20/1h\" }\n"
    "limit \"few\" { at = \"policy\" event = \"recipient\"\n"
    "  key = { \"client\", \"service\" } services = { \"in\" }\n"
    "  clients = { \"192.0.2.0/24\" } rate = \"20/1h\" }\n";

static const struct {
    const char *limit, *text, *why; /* NULL: there may be one */
} narrow_rows[] = {
    {"login", "sasl:bob", NULL},
    {"login", "sasl:bob@example.com", NULL},
    {"login", "sasl:EXAMPLE\\\\bob smith", NULL},
    {"login", "sasl:bob%example.com", NULL},
    {"login", "sasl:*@example.com", "no patterns"},
    {"login", "sasl:bob*", "no patterns"},
    {"login", "sasl:b?b@example.com", "no patterns"},
    {"login", "sasl:%@example.com", "no patterns"},
    {"login", "sasl:/.*@example.com/", "no patterns"},
    {"login", "sasl:/bob@/", "no patterns"},
    {"login", "sasl:^bob$", "no patterns"},
    {"login", "sasl:bob@", "nothing follows"},
    {"login", "sasl: bob", "blank"},
    {"login", "sasl:bob ", "blank"},
    {"wide", "198.51.100.0/24", NULL},
    {"wide", "198.51.100.0/23", "smaller networks"},
    {"wide", "2001:db8::/48", NULL},
    {"wide", "2001:db8::/47", "smaller networks"},
    {"from", "sender:bob@example.com", NULL},
    {"from", "sender:bob", NULL},
    {"from", "sender:\"a b\"@example.com", NULL},
    {"from", "sender:bob@[192.0.2.1]", NULL},
    {"from", "sender:*@example.com", "no patterns"},
    {"from", "sender:bob@*.example.com", "no patterns"},
    {"from", "sender:@example.com", "sender_domain"},
    {"from", "sender:<bob@example.com>", "without < and >"},
    {"from", "sender:<>", "null sender"},
    {"from", "sender:bob@", "empty"},
    {"from", "sender:bob@.example.com", "below it"},
    {"from", "sender:bob@a..b", "empty"},
    {"from", "sender:a b@example.com", "blank"},
    {"from-domain", "sender_domain:example.com", NULL},
    {"from-domain", "sender_domain:*.example.com", "no patterns"},
    {"from-domain", "sender_domain:.example.com", "below it"},
    {"from-domain", "sender_domain:bob@example.com", "domain alone"},
    {"from-domain", "sender_domain:@example.com", "domain alone"},
    {"from-domain", "sender_domain:example com", "blank"},
    {"to", "recipient:bob@example.com", NULL},
    {"to", "recipient:@example.com", "recipient_domain"},
    {"to", "recipient:?@example.com", "no patterns"},
    {"to-domain", "recipient_domain:example.com,service:in", NULL},
    {"to-domain", "recipient_domain:example.com,service:587", NULL},
    {"to-domain", "recipient_domain:example.*", "no patterns"},
    {"to-domain", "recipient_domain:example.com,service:25", "service:in"},
    {"to-domain", "recipient_domain:example.com,service:*", "no patterns"},
    {"name", "helo:mx.example.com", NULL},
    {"name", "helo:[192.0.2.1]", NULL},
    {"name", "helo:*.example.com", "no patterns"},
    {"name", "helo:a b", "blank"},
    {"client_message_rate_limit", "192.0.2.1", NULL},
    {"client_message_rate_limit", "2001:db8::/64", NULL},
    {"client_message_rate_limit", "192.0.2.0/24", "smaller networks"},
    {"client_message_rate_limit", "2001:db8::/48", "smaller networks"},
    {"client_message_rate_limit", "203.0.113.5", "exempt_clients"},
    {"address", "2001:db8::7", NULL},
    {"address", "2001:db8::/64", "smaller networks"},
    {"few", "192.0.2.7", NULL},
    {"few", "192.0.2.7,service:in", NULL},
    {"few", "198.51.100.7", "limit's clients"},
    {"few", "192.0.2.7,service:587", "limit's services"},
};

/* What no request brings would be taken, and do nothing. */
TEST(keys_that_no_request_has)
{
    struct config *config = bench_load(narrow_limits);

    for (size_t i = 0; i < COUNT(narrow_rows); i++) {
        struct edict edict = {.kind = EDICT_OVERRIDE};
        struct error err;
        const struct limit *limit =
            override_find_limit(config, narrow_rows[i].limit, &err);
        assert_non_null(limit);
        /* What an earlier version has set can be lifted. */
        assert_true(
            override_set_key(&edict, config, limit, narrow_rows[i].text, &err));
        bool may_be =
            override_may_apply(config, limit, narrow_rows[i].text, &err);
        if (may_be != (narrow_rows[i].why == NULL))
            fail_msg(
                "%s: %s", narrow_rows[i].text, may_be ? "taken" : err.text);
        if (!may_be && strstr(err.text, narrow_rows[i].why) == NULL)
            fail_msg("%s: %s", narrow_rows[i].text, err.text);
    }
    config_unref(&config);
}

TEST(rates)
{
    static const struct {
        const char *limit, *text;
        bool is_good;
        uint32_t n;
        uint64_t window_ms;
    } rows[] = {
        {"user", "50", true, 50, 0},
        {"user", "50/1d", true, 50, 86400000},
        {"user", "0", true, 0, 0},
        {"cap", "0", false, 0, 0},
        {"cap", "none", true, 0, 0},
        {"user", "none", true, 0, 0},
        {"user", "", false, 0, 0},
        {"user", "-1", false, 0, 0},
        {"user", "many", false, 0, 0},
        {"user", "0/1h", false, 0, 0},
        {"user", "99999999999", false, 0, 0},
        {"client_connection_count_limit", "9", true, 9, 0},
        {"client_connection_count_limit", "9/1m", false, 0, 0},
        {"cap", "9", true, 9, 0},
        {"client_message_rate_limit", "9/1h", true, 9, 3600000},
        {"user", "9k/1h", false, 0, 0},
        {"volume", "9k/1h", true, 9216, 3600000},
    };
    struct config *config = bench_load(limits);
    struct edict edict;
    struct error err;

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct limit *limit =
            override_find_limit(config, rows[i].limit, &err);
        bool is_good = override_set_rate(&edict, limit, rows[i].text, &err);
        assert_int_equal(is_good, rows[i].is_good);
        if (!is_good)
            continue;
        assert_int_equal(edict.n, rows[i].n);
        assert_int_equal(edict.window_ms, rows[i].window_ms);
        assert_int_equal(edict.is_blocked, strcmp(rows[i].text, "0") == 0);
    }
    assert_null(override_find_limit(config, "users", &err));
    assert_non_null(strstr(err.text, "user, address, pair, wide, cap, volume"));
    assert_null(override_find_limit(config, "client_auth_rate_limit", &err));
    assert_non_null(strstr(err.text, "main.cf's limit decides"));
    config_unref(&config);
}

TEST(a_fixed_window_of_clients_is_common)
{
    struct config *config = bench_load("client_limits_at = \"anvil\"\n"
                                       "rate_window = \"fixed\"\n"
                                       "client_message_rate_limit = 5\n");
    struct edict edict;
    struct error err;
    const struct limit *limit =
        override_find_limit(config, "client_message_rate_limit", &err);

    assert_true(override_set_rate(&edict, limit, "9", &err));
    assert_true(override_set_rate(&edict, limit, "9/60s", &err));
    assert_false(override_set_rate(&edict, limit, "9/61s", &err));
    config_unref(&config);
}

RUN_TESTS(NULL, NULL)
