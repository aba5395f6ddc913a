/*
 * test_engine_edicts.c - bans and overrides in decisions, and decisions that
 * leave no trace.
 */
#include "tests/unit/engine_bench.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/ban.h"

#include <stdlib.h>
#include <string.h>

/* life_ms 0: over already. */
static uint64_t end_of(uint64_t life_ms)
{
    return life_ms == 0 ? 1 : clock_monotonic_ms() + life_ms;
}

static void put_ban(const char *net, uint64_t life_ms)
{
    struct edict ban = {.until_ms = end_of(life_ms)};
    struct error err;

    assert_true(edict_set_ban(&ban, net, &err));
    edict_table_put(store_edicts(NULL), &ban);
}

static const char behind_proxies[] =
    "exempt_clients = { \"192.0.2.0/24\" }\n"
    "limit \"rate\" { at = \"policy\" event = \"message\" key = { "
    "\"client\" }\n"
    "  rate = \"2/1m\" }\n"
    "service \"smtp\" { proxied = true trusted_proxies = { \"172.16.0.0/24\" "
    "}\n"
    "  proof = \"optional\" }\n"
    "service \"direct\" { }\n";

/* recipient_delimiter, as limits count. */
static const char behind_proxies_delimited[] =
    "recipient_delimiter = \"+\"\n"
    "exempt_clients = { \"192.0.2.0/24\" }\n"
    "service \"smtp\" { proxied = true trusted_proxies = { \"172.16.0.0/24\" "
    "}\n"
    "  proof = \"optional\" }\n"
    "service \"direct\" { }\n";

TEST(bans)
{
    static const struct {
        const char *service, *client;
        enum verdict_kind kind;
        enum verdict_reason reason;
    } rows[] = {
        {"smtp", "198.51.100.7", VERDICT_REFUSE, REASON_BANNED},
        {"direct", "198.51.100.7", VERDICT_REFUSE, REASON_BANNED},
        {"other", "198.51.100.0/25", VERDICT_REFUSE, REASON_BANNED},
        {"smtp", "198.51.101.7", VERDICT_PASS, REASON_NONE},
        /* Only some of it is banned. */
        {"smtp", "198.51.100.0/23", VERDICT_PASS, REASON_NONE},
        {"smtp", "203.0.113.1", VERDICT_PASS, REASON_NONE},
        /* Banned before they became infrastructure, on any service. */
        {"direct", "192.0.2.1", VERDICT_PASS, REASON_EXEMPT},
        {"smtp", "192.0.2.1", VERDICT_PASS, REASON_NONE},
        {"direct", "172.16.0.2", VERDICT_PASS, REASON_NONE},
        {"smtp", "172.16.0.2", VERDICT_PASS, REASON_NONE},
        {"smtp", "172.16.1.2", VERDICT_REFUSE, REASON_BANNED},
    };
    struct bench bench;

    bench_open(&bench, behind_proxies);
    put_ban("198.51.100.0/24", 90000);
    put_ban("203.0.113.1", 0);
    put_ban("192.0.2.0/23", 90000);
    put_ban("172.16.0.0/12", 90000);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct event event = bench_event(FACE_POLICY, rows[i].client);
        event.service = rows[i].service;
        event.amount[EVENT_MESSAGE] = 1;
        fake_store.charges_asked = 0;
        const struct verdict *verdict = bench_decide(&bench, event);
        assert_int_equal(verdict->kind, rows[i].kind);
        assert_int_equal(verdict->reason, rows[i].reason);
        if (verdict->kind != VERDICT_REFUSE)
            continue;
        /* Not counted; told for how long. */
        assert_int_equal(fake_store.charges_asked, 0);
        assert_null(verdict->limit);
        assert_between(verdict->retry_ms, 80000, 90010);
        char text[VERDICT_ACTION_SIZE];
        assert_string_equal(
            verdict_action(verdict, &bench.decision.event, text),
            "421 4.7.1 Error: client host rejected: access denied");
    }
    /* Nothing to count, and refused all the same. */
    assert_true(engine_judges_peers(bench.engine));
    assert_int_equal(
        bench_decide(&bench, bench_event(FACE_POLICY, "198.51.100.7"))->reason,
        REASON_BANNED);
    bench_close(&bench);
    bench_open(&bench, "");
    assert_false(engine_judges_peers(bench.engine));
    put_ban("198.51.100.0/24", 90000);
    assert_true(engine_judges_peers(bench.engine));
    bench_close(&bench);
}

static struct event message_of(const char *client, const char *login)
{
    struct event event = bench_event(FACE_POLICY, client);

    event.sasl_username = login;
    event.sender = "Alice+x@Shop.example";
    event.recipient = "bob@shop.test";
    event.helo = "mx.shop.example.";
    event.amount[EVENT_MESSAGE] = 1;
    return event;
}

TEST(bans_of_names)
{
    static const struct {
        const char *ban, *service, *client, *login;
        const char *reply; /* NULL: it passes */
    } rows[] = {
#define ACCOUNT "450 4.7.1 Error: your account may not send for now"
#define DOMAIN  "450 4.7.1 Error: your domain may not send for now"
#define NO      "450 4.7.1 Error: access denied for now to "
        {"sasl:eve@example.com", "", "198.51.100.7", "Eve@Example.COM",
            ACCOUNT},
        {"sasl:eve@example.com", "", "198.51.100.7", "eve@example.org", NULL},
        {"sasl:eve@example.com", "", "198.51.100.7", "", NULL},
        {"sasl_domain:example.com", "", "198.51.100.7", "eve@example.com.",
            DOMAIN},
        {"sasl_domain:example.com", "", "198.51.100.7", "eve@sub.example.com",
            NULL},
        {"sasl_domain:example.com", "", "198.51.100.7", "example.com", NULL},
        {"sender:alice@shop.example", "", "198.51.100.7", "",
            NO "sender Alice+x@Shop.example"},
        {"sender_domain:shop.example", "", "198.51.100.7", "",
            NO "sender domain Shop.example"},
        {"recipient:bob@shop.test", "", "198.51.100.7", "",
            NO "recipient bob@shop.test"},
        {"recipient_domain:shop.test", "", "198.51.100.7", "",
            NO "recipient domain shop.test"},
        {"helo:mx.shop.example", "", "198.51.100.7", "",
            NO "HELO name mx.shop.example."},
        {"helo:mx", "", "198.51.100.7", "", NULL},
        /* Infrastructure: by login, but not by what it calls itself. */
        {"helo:mx.shop.example", "direct", "192.0.2.1", "", NULL},
        {"helo:mx.shop.example", "smtp", "172.16.0.2", "", NULL},
        {"sasl:eve", "direct", "192.0.2.1", "eve", ACCOUNT},
        {"sasl:eve", "smtp", "172.16.0.2", "eve", ACCOUNT},
        {"sender:alice@shop.example", "direct", "192.0.2.1", "",
            NO "sender Alice+x@Shop.example"},
    };
    struct bench bench;
    char text[VERDICT_ACTION_SIZE];

    for (size_t i = 0; i < COUNT(rows); i++) {
        bench_open(&bench, behind_proxies_delimited);
        put_ban(rows[i].ban, 90000);
        assert_true(engine_judges_peers(bench.engine));
        struct event event = message_of(rows[i].client, rows[i].login);
        event.service = rows[i].service;
        fake_store.charges_asked = 0;
        const struct verdict *verdict = bench_decide(&bench, event);
        if ((verdict->kind == VERDICT_PASS) != (rows[i].reply == NULL))
            fail_msg("%s: %s", rows[i].ban, verdict_word(verdict));
        if (rows[i].reply != NULL) {
            assert_int_equal(verdict->reason, REASON_BANNED);
            assert_int_equal(fake_store.charges_asked, 0);
            assert_between(verdict->retry_ms, 80000, 90010);
            assert_string_equal(
                verdict_action(verdict, &bench.decision.event, text),
                rows[i].reply);
        }
        bench_close(&bench);
    }
}

/* Of several the one that ends last; none that is over. */
TEST(which_ban_is_told)
{
    struct bench bench;

    bench_open(&bench, "");
    put_ban("helo:mx.shop.example", 90000);
    put_ban("sasl:eve", 900000);
    put_ban("sender_domain:shop.example", 0);
    assert_int_equal(
        bench_decide(&bench, message_of("198.51.100.7", "eve"))->banned_by,
        KEY_SASL_USERNAME);
    assert_int_equal(
        bench_decide(&bench, message_of("198.51.100.7", ""))->banned_by,
        KEY_HELO);
    /* Anvil names nobody. */
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_CONNECTION] = 1;
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_PASS);
    put_ban("198.51.100.0/24", 90000);
    assert_int_equal(
        bench_decide(&bench, message_of("198.51.100.7", "eve"))->banned_by,
        KEY_CLIENT);
    bench_close(&bench);
}

/* It passes, is counted, and limits refuse it as ever. */
TEST(who_is_held_is_limited_too)
{
    struct bench bench;
    char text[VERDICT_ACTION_SIZE];

    bench_open(&bench, "ban_action = \"hold %{key} for %{retry_after}\"\n"
                       "limit \"rate\" { at = \"policy\" event = \"message\"\n"
                       "  key = { \"client\" } rate = \"2/1m\" }\n");
    put_ban("sasl:eve", 90000);
    put_ban("203.0.113.0/24", 90000);
    fake_store.charges_asked = 0;
    const struct verdict *verdict =
        bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_int_equal(verdict->reason, REASON_BANNED);
    assert_true(verdict->is_held);
    assert_string_equal(verdict_word(verdict), "hold");
    assert_int_equal(fake_store.charges_asked, 1);
    verdict_action(verdict, &bench.decision.event, text);
    assert_non_null(strstr(text, "hold login eve for 90"));
    fake_store.refuses[0] = true;
    verdict = bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    assert_int_equal(verdict->reason, REASON_LIMIT);
    assert_false(verdict->is_held);
    fake_store.refuses[0] = false;
    verdict = bench_decide(&bench, message_of("198.51.100.7", "bob"));
    assert_false(verdict->is_held);
    assert_int_equal(verdict->reason, REASON_NONE);
    /* A network is refused whatever ban_action says. */
    verdict = bench_decide(&bench, message_of("203.0.113.1", "eve"));
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    bench_close(&bench);
}

TEST(a_ban_in_shadow_refuses_nothing)
{
    struct bench bench;

    bench_open(&bench, "shadow = true\n");
    put_ban("198.51.100.0/24", 90000);
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_CONNECTION] = 1;
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_PASS);
    assert_true(bench.decision.would_refuse);
    assert_int_equal(
        engine_metrics(bench.engine)->shadow_refusals[FACE_ANVIL], 1);
    bench_close(&bench);
}

TEST(infrastructure_cannot_be_banned)
{
    static const struct {
        const char *net, *why; /* NULL: it can */
    } rows[] = {
        {"198.51.100.0/24", NULL},
        {"192.0.3.0/24", NULL},
        {"172.16.1.0/24", NULL},
        {"2001:db8::/32", NULL},
        {"192.0.2.7/32", "192.0.2.0/24, which is in exempt_clients"},
        {"192.0.0.0/16", "192.0.2.0/24, which is in exempt_clients"},
        {"172.16.0.2/32",
            "172.16.0.0/24, which is in trusted_proxies of service smtp"},
        {"0.0.0.0/0", "192.0.2.0/24, which is in exempt_clients"},
        {"172.0.0.0/8",
            "172.16.0.0/24, which is in trusted_proxies of service smtp"},
    };
    struct bench bench;

    bench_open(&bench, behind_proxies);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cidr net;
        struct error err;
        assert_true(cidr_parse(rows[i].net, &net, &err));
        bool is_good = ban_check(bench.engine, &net, &err);
        assert_int_equal(is_good, rows[i].why == NULL);
        if (!is_good)
            assert_non_null(strstr(err.text, rows[i].why));
    }
    bench_close(&bench);
}

static void put_override(const char *limit, const char *subject, uint32_t n,
    uint64_t window_ms, uint64_t life_ms)
{
    struct edict edict = {
        .n = n, .window_ms = window_ms, .until_ms = end_of(life_ms)};

    assert_true(edict_set_override(&edict, limit, subject));
    edict_table_put(store_edicts(NULL), &edict);
}

/* Nothing is let through, and nothing asked; in shadow it is noted. */
TEST(an_override_may_let_nothing_through)
{
    static const char *const shadows[] = {"false", "true"};

    for (size_t i = 0; i < COUNT(shadows); i++) {
        struct bench bench;
        struct edict edict = {.is_blocked = true, .until_ms = end_of(90000)};
        char *text = xprintf("limit \"login\" { at = \"policy\" event = "
                             "\"message\" key = { \"sasl_username\" }\n"
                             "  rate = \"9/1m\" shadow = %s }\n",
            shadows[i]);
        bench_open(&bench, text);
        free(text);
        assert_true(edict_set_override(&edict, "login", "u=eve"));
        edict_table_put(store_edicts(NULL), &edict);
        fake_store.charges_asked = 0;
        const struct verdict *verdict =
            bench_decide(&bench, message_of("198.51.100.7", "eve"));
        bool is_shadow = i == 1;
        assert_int_equal(
            verdict->kind, is_shadow ? VERDICT_PASS : VERDICT_REFUSE);
        assert_int_equal(bench.decision.would_refuse, is_shadow);
        assert_int_equal(fake_store.charges_asked, is_shadow ? 1 : 0);
        if (!is_shadow) {
            assert_string_equal(verdict->limit->name, "login");
            assert_int_equal(verdict->allowed, 0);
            assert_between(verdict->retry_ms, 80000, 90010);
        }
        fake_store.charges_asked = 0;
        verdict = bench_decide(&bench, message_of("198.51.100.7", "bob"));
        assert_int_equal(verdict->kind, VERDICT_PASS);
        assert_int_equal(fake_store.charges_asked, 1);
        bench_close(&bench);
    }
}

TEST(overrides_change_a_limit_for_one_key)
{
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    put_override("client_message_rate_limit", "c=198.51.100.7", 50, 0, 90000);
    put_override(
        "client_recipient_rate_limit", "s=smtp|c=198.51.100.7", 0, 0, 90000);
    put_override("user", "u=bob", 5, 1000, 90000);
    put_override("watch", "c=198.51.100.7", 9, 0, 0);
    put_override("watch", "c=198.51.100.8", 9, 0, 90000);
    const struct verdict *verdict =
        bench_decide(&bench, bench_first_recipient());
    assert_int_equal(fake_store.asked_count, 4);
    assert_int_equal(fake_store.asked[0].limit, 50);
    assert_int_equal(fake_store.asked[0].window_ms, 60000);
    assert_int_equal(fake_store.asked[1].limit, 2);
    assert_int_equal(fake_store.asked[2].limit, 1000000000);
    assert_int_equal(fake_store.asked[3].limit, 5);
    assert_int_equal(fake_store.asked[3].window_ms, 1000);

    fake_store.refuses[3] = true;
    bench_decide(&bench, bench_first_recipient());
    assert_string_equal(verdict->limit->name, "user");
    assert_int_equal(verdict->allowed, 5);
    assert_int_equal(verdict->window_ms, 1000);

    struct event other = bench_first_recipient();
    other.sasl_username = "alice";
    other.client.net.bytes[3] = 9;
    bench_decide(&bench, other);
    assert_int_equal(fake_store.asked[0].limit, 5);
    assert_int_equal(fake_store.asked[3].limit, 20);
    bench_close(&bench);
}

TEST(overrides_hold_while_the_store_is_away)
{
    struct bench bench;

    bench_open(&bench,
        "client_limits_at = \"policy\"\n"
        "client_message_rate_limit = 5\n"
        "client_recipient_rate_limit = 10\n"
        "limit \"user\" { event = \"recipient\" rate = \"20/1h\"\n"
        "  key = { \"sasl_username\" } }\n");
    put_override("client_message_rate_limit", "c=198.51.100.7", 50, 0, 90000);
    put_override("client_recipient_rate_limit", "c=198.51.100.7", 1, 0, 90000);
    put_override("user", "u=bob", 0, 0, 90000);
    fake_store.status = STORE_UNAVAILABLE;
    fake_store.serving = 2;
    bench_decide(&bench, bench_first_recipient());
    assert_int_equal(fake_store.local_asked, 1);
    assert_int_equal(fake_store.asked_count, 3);
    assert_int_equal(fake_store.asked[0].limit, 25);
    assert_int_equal(fake_store.asked[1].limit, 1);
    assert_int_equal(fake_store.asked[2].limit, 1000000000);
    bench_close(&bench);
}

TEST(override_of_max_per_message)
{
    struct bench bench;

    bench_open(&bench,
        "limit \"cap\" { event = \"recipient\" max_per_message = 3\n"
        "  key = { \"sasl_username\" } at = \"policy\" }\n");
    struct event event = bench_first_recipient();
    event.message_recipients = 4;
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_REFUSE);
    put_override("cap", "u=bob", 4, 0, 90000);
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_PASS);
    event.message_recipients = 5;
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_REFUSE);
    assert_int_equal(bench.decision.verdict.allowed, 4);
    put_override("cap", "u=bob", 0, 0, 90000);
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_PASS);
    bench_close(&bench);
}

/* main.cf's twin compares the number with its own limit. */
TEST(anvil_reports_no_more_than_the_limit_to_whom_we_let_pass)
{
    struct bench bench;

    bench_open(&bench, "client_limits_at = \"anvil\"\n"
                       "client_connection_rate_limit = 5\n");
    struct event event = bench_event(FACE_ANVIL, "198.51.100.7");
    event.amount[EVENT_CONNECTION] = 1;
    fake_store.used[0] = 8;
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(verdict->count[EVENT_CONNECTION], 8);
    put_override(
        "client_connection_rate_limit", "c=198.51.100.7", 50, 0, 90000);
    bench_decide(&bench, event);
    assert_int_equal(verdict->count[EVENT_CONNECTION], 5);
    bench_close(&bench);
}

TEST(a_dry_decision_leaves_no_trace)
{
    static struct metrics before;
    struct bench bench;

    bench_open(&bench, bench_policy_limits);
    struct event event = bench_first_recipient();
    event.is_dry = event.peek = true;
    before = *engine_metrics(bench.engine);
    fake_store.refuses[0] = fake_store.refuses[1] = true;
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_REFUSE);
    fake_store.status = STORE_UNAVAILABLE;
    assert_int_equal(bench_decide(&bench, event)->kind, VERDICT_DEFER);
    put_ban("198.51.100.0/24", 90000);
    assert_int_equal(bench_decide(&bench, event)->reason, REASON_BANNED);
    assert_memory_equal(&before, engine_metrics(bench.engine), sizeof before);
    bench_close(&bench);
}

RUN_TESTS(NULL, NULL)
