/*
 * test_penalties.c - what limits do besides refusing: bans, longer ones, and
 * messages that are held.
 */
#include "tests/unit/engine_bench.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000

static struct event message_of(const char *client, const char *login)
{
    struct event event = bench_event(FACE_POLICY, client);

    event.sasl_username = login;
    event.sender = "alice@shop.example";
    event.recipient = "bob@shop.test";
    event.helo = "mx.shop.example";
    event.amount[EVENT_MESSAGE] = 1;
    return event;
}

/* A limit at policy that refuses: what its section says besides. */
static void open_limit(
    struct bench *bench, const char *top, const char *key, const char *more)
{
    char *text = xprintf("%s\nlimit \"day\" { at = \"policy\" event = "
                         "\"message\" key = { \"%s\" }\n"
                         "  rate = \"9/1d\" %s }\n",
        top, key, more);

    bench_open(bench, text);
    free(text);
    fake_store.refuses[0] = true;
}

static const struct edict *ban_of_key(const char *key)
{
    return edict_table_find(store_edicts(NULL), EDICT_BAN, key);
}

static uint64_t life_of(const struct edict *edict)
{
    return edict->until_ms - clock_monotonic_ms();
}

TEST(the_refused_key_is_banned)
{
    static const struct {
        const char *part, *client, *key;
    } rows[] = {
        {"client", "2001:db8::7", "2001:db8::/64"},
        {"client", "198.51.100.7", "198.51.100.7/32"},
        {"client_address", "2001:db8::7", "2001:db8::7/128"},
        {"sasl_username", "198.51.100.7", "sasl:eve@example.com"},
        {"sasl_domain", "198.51.100.7", "sasl_domain:example.com"},
        {"sender", "198.51.100.7", "sender:alice@shop.example"},
        {"sender_domain", "198.51.100.7", "sender_domain:shop.example"},
        {"recipient", "198.51.100.7", "recipient:bob@shop.test"},
        {"recipient_domain", "198.51.100.7", "recipient_domain:shop.test"},
        {"helo", "198.51.100.7", "helo:mx.shop.example"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench bench;
        open_limit(&bench, "instance_name = \"mx1\"", rows[i].part,
            "on_refusal = { ban = \"1h\" }");
        struct event event = message_of(rows[i].client, "Eve@example.com");
        /* The one that is refused hears of the limit. */
        assert_int_equal(bench_decide(&bench, event)->reason, REASON_LIMIT);
        const struct edict *ban = ban_of_key(rows[i].key);
        assert_non_null(ban);
        assert_between(life_of(ban), HOUR_MS - 9000, HOUR_MS);
        assert_true(ban->is_automatic);
        assert_string_equal(ban->reason, "limit day: more than 9/1d");
        assert_string_equal(ban->who, "tollgate at mx1");
        assert_int_equal(bench_decide(&bench, event)->reason, REASON_BANNED);
        assert_int_equal(fake_store.edicts_asked, 1);
        assert_int_equal(engine_metrics(bench.engine)->bans_made, 1);
        bench_close(&bench);
    }
}

/* A network that holds an exempt address is not banned, a login is. */
TEST(infrastructure_is_not_banned)
{
    static const char exempt[] = "exempt_clients = { \"2001:db8::1\" }";
    static const char ban[] = "on_refusal = { ban = \"1h\" }";
    struct bench bench;

    open_limit(&bench, exempt, "client", ban);
    assert_int_equal(
        bench_decide(&bench, message_of("2001:db8::2", "eve"))->reason,
        REASON_LIMIT);
    assert_int_equal(fake_store.edicts_asked, 0);
    bench_close(&bench);

    open_limit(&bench, exempt, "sasl_username", ban);
    bench_decide(&bench, message_of("2001:db8::1", "eve"));
    assert_non_null(ban_of_key("sasl:eve"));
    bench_close(&bench);
}

TEST(what_nobody_acts_on_bans_nobody)
{
    static const char ban[] = "on_refusal = { ban = \"1h\" }";
    struct bench bench;
    struct event event = message_of("198.51.100.7", "eve");

    open_limit(&bench, "", "sasl_username", ban);
    event.silent = true;
    bench_decide(&bench, event);
    event.silent = false;
    event.is_dry = event.peek = true;
    bench_decide(&bench, event);
    bench_close(&bench);
    assert_int_equal(fake_store.edicts_asked, 0);

    open_limit(&bench, "shadow = true", "sasl_username", ban);
    event.is_dry = event.peek = false;
    bench_decide(&bench, event);
    assert_true(bench.decision.would_refuse);
    bench_close(&bench);
    assert_int_equal(fake_store.edicts_asked, 0);

    /* This daemon's share in an outage is not the limit. */
    open_limit(&bench, "", "sasl_username", ban);
    fake_store.status = STORE_UNAVAILABLE;
    fake_store.is_full_here = true;
    assert_int_equal(bench_decide(&bench, event)->reason, REASON_LIMIT);
    assert_int_equal(fake_store.edicts_asked, 0);
    bench_close(&bench);
}

TEST(one_key_is_written_once)
{
    struct bench bench;

    open_limit(&bench, "ban_action = \"HOLD\"", "sasl_username",
        "on_refusal = { ban = \"1h\" }");
    fake_store.edicts_wait = true;
    for (size_t i = 0; i < 3; i++)
        bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(fake_store.edicts_asked, 1);
    fake_store_write();
    assert_non_null(ban_of_key("sasl:eve"));
    /* Limits are asked yet, because HOLD lets it through. */
    assert_int_equal(
        bench_decide(&bench, message_of("198.51.100.7", "eve"))->reason,
        REASON_LIMIT);
    assert_int_equal(fake_store.edicts_asked, 1);
    bench_close(&bench);
}

TEST(a_ban_of_a_person_stays)
{
    struct bench bench;
    struct edict ban = {.until_ms = clock_monotonic_ms() + 90000};
    struct error err;

    open_limit(&bench, "ban_action = \"HOLD\"", "sasl_username",
        "on_refusal = { ban = \"1h\" }");
    assert_true(edict_set_ban(&ban, "sasl:eve", &err));
    edict_table_put(store_edicts(NULL), &ban);
    bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(fake_store.edicts_asked, 0);
    assert_false(ban_of_key("sasl:eve")->is_automatic);
    bench_close(&bench);
}

/* The same key is not tried at each request of a store that is away. */
TEST(a_store_that_refuses_is_left_in_peace)
{
    struct bench bench;

    open_limit(&bench, "", "sasl_username", "on_refusal = { ban = \"1h\" }");
    fake_store.edicts_fail = true;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            bench_decide(&bench, message_of("198.51.100.7", "eve"))->reason,
            REASON_LIMIT);
    assert_int_equal(fake_store.edicts_asked, 1);
    assert_int_equal(engine_metrics(bench.engine)->bans_failed, 1);
    bench_close(&bench);
}

TEST(keys_in_work_are_bounded)
{
    struct bench bench;
    char login[16];

    open_limit(&bench, "", "sasl_username", "on_refusal = { ban = \"1h\" }");
    fake_store.edicts_wait = true;
    for (int i = 0; i < 65; i++) {
        snprintf(login, sizeof login, "eve%d", i);
        bench_decide(&bench, message_of("198.51.100.7", login));
    }
    assert_int_equal(fake_store.edicts_asked, 64);
    assert_int_equal(engine_metrics(bench.engine)->bans_dropped, 1);
    bench_close(&bench);
}

static const char thrice[] =
    "on_refusal = { ban = \"1h\" }\n"
    "escalate = { after = 3, within = \"2h\", ban = \"1d\" }";

TEST(refused_again_and_again)
{
    struct bench bench;

    open_limit(&bench, "", "sasl_username", thrice);
    fake_store.times = 2;
    bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_between(life_of(ban_of_key("sasl:eve")), HOUR_MS - 9000, HOUR_MS);
    /* Both counters of it, by one request. */
    assert_int_equal(fake_store.asked_count, 2);
    assert_string_equal(fake_store.asked[0].name, "x:day");
    assert_int_equal(fake_store.asked[0].limit, 1);
    assert_int_equal(fake_store.asked[0].window_ms, 60000);
    assert_string_equal(fake_store.asked[1].name, "y:day");
    assert_int_equal(fake_store.asked[1].limit, 3);
    assert_int_equal(fake_store.asked[1].window_ms, 2 * HOUR_MS);
    assert_string_equal(fake_store.subjects[1].text, "u=eve");
    bench_close(&bench);

    open_limit(&bench, "", "sasl_username", thrice);
    fake_store.times = 3;
    bench_decide(&bench, message_of("198.51.100.7", "eve"));
    const struct edict *ban = ban_of_key("sasl:eve");
    assert_between(life_of(ban), 24 * HOUR_MS - 9000, 24 * HOUR_MS);
    assert_string_equal(ban->reason, "limit day: refused 3 times within 2h");
    bench_close(&bench);
}

/* The longer one takes the place of a shorter, and not the other way. */
TEST(a_longer_ban_takes_the_place)
{
    static const struct {
        uint64_t life_ms;
        unsigned asked;
        bool is_replaced;
    } rows[] = {
        {HOUR_MS, 2, true},
        {24 * HOUR_MS, 0, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench bench;
        struct edict ban = {.is_automatic = true,
            .until_ms = clock_monotonic_ms() + rows[i].life_ms,
            .set_ms = clock_wall_ms()};
        struct error err;
        open_limit(&bench, "ban_action = \"HOLD\"", "sasl_username", thrice);
        assert_true(edict_set_ban(&ban, "sasl:eve", &err));
        edict_table_put(store_edicts(NULL), &ban);
        fake_store.times = 3;
        fake_store.charges_asked = 0;
        bench_decide(&bench, message_of("198.51.100.7", "eve"));
        assert_int_equal(fake_store.charges_asked + fake_store.edicts_asked - 1,
            rows[i].asked);
        assert_int_equal(
            strstr(ban_of_key("sasl:eve")->reason, "3 times") != NULL,
            rows[i].is_replaced);
        bench_close(&bench);
    }
}

TEST(a_message_is_held)
{
    struct bench bench;
    char text[VERDICT_ACTION_SIZE];

    open_limit(&bench,
        "limit \"hour\" { at = \"policy\" event = \"message\" key = { "
        "\"client\" } rate = \"90/1h\" }",
        "sasl_username", "on_refusal = { hold }");
    /* In the store it refuses nothing, so that the other one is charged. */
    const struct verdict *verdict =
        bench_decide(&bench, message_of("198.51.100.7", "eve"));
    size_t held = fake_store.asked[0].shadow ? 0 : 1;
    assert_true(fake_store.asked[held].shadow);
    assert_false(fake_store.asked[1 - held].shadow);
    fake_store.refuses[held] = true;
    fake_store.refuses[1 - held] = false;
    verdict = bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_true(verdict->is_held);
    assert_int_equal(verdict->reason, REASON_LIMIT);
    assert_string_equal(verdict->limit->name, "day");
    assert_string_equal(verdict_action(verdict, &bench.decision.event, text),
        "HOLD limit day, 9/1d, login eve");
    const struct metrics *metrics = engine_metrics(bench.engine);
    assert_false(bench.decision.would_refuse);
    assert_int_equal(metrics->shadow_refusals[FACE_POLICY], 0);

    fake_store.refuses[1 - held] = true;
    verdict = bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(verdict->kind, VERDICT_REFUSE);
    assert_string_equal(verdict->limit->name, "hour");
    assert_false(verdict->is_held);
    bench_close(&bench);
}

/* In shadow nothing is held; nor is a limit that holds a shadow where the
 * store is away. */
TEST(hold_is_no_shadow)
{
    struct bench bench;

    open_limit(
        &bench, "shadow = true", "sasl_username", "on_refusal = { hold }");
    const struct verdict *verdict =
        bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_false(verdict->is_held);
    assert_true(bench.decision.would_refuse);
    bench_close(&bench);

    open_limit(&bench, "on_store_failure = \"defer\"", "sasl_username",
        "on_refusal = { hold }");
    fake_store.status = STORE_UNAVAILABLE;
    verdict = bench_decide(&bench, message_of("198.51.100.7", "eve"));
    assert_int_equal(verdict->kind, VERDICT_DEFER);
    bench_close(&bench);
}

TEST(held_without_a_window)
{
    struct bench bench;
    struct event event = message_of("198.51.100.7", "eve");
    struct edict blocked = {
        .is_blocked = true, .until_ms = clock_monotonic_ms() + 90000};

    open_limit(&bench, "", "sasl_username", "on_refusal = { hold }");
    fake_store.refuses[0] = false;
    assert_true(edict_set_override(&blocked, "day", "u=eve"));
    edict_table_put(store_edicts(NULL), &blocked);
    const struct verdict *verdict = bench_decide(&bench, event);
    assert_int_equal(verdict->kind, VERDICT_PASS);
    assert_true(verdict->is_held);
    bench_close(&bench);

    bench_open(&bench,
        "limit \"many\" { at = \"policy\" event = \"recipient\" key = { "
        "\"sender\" }\n"
        "  max_per_message = 2 on_refusal = { hold, ban = \"1h\" } }");
    event.amount[EVENT_RECIPIENT] = 1;
    event.message_recipients = 3;
    verdict = bench_decide(&bench, event);
    assert_true(verdict->is_held);
    assert_string_equal(ban_of_key("sender:alice@shop.example")->reason,
        "limit many: more than 2");
    bench_close(&bench);
}

int main(void)
{
    int failed = run_all_tests(NULL, NULL);
    edict_table_free(&fake_store.edicts);
    return failed;
}
