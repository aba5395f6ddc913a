/*
 * test_verdict.c - the words of a verdict, and that strangers add none.
 */
#include "tests/unit/unit.h"

#include "common/core/verdict.h"

#include <stdlib.h>
#include <string.h>

#define BIT(part) ((uint16_t)(1u << (part)))

static const struct {
    const char *event;
    uint16_t key;
    const char *action;
} defaults[] = {
    {"connection", BIT(KEY_SERVICE) | BIT(KEY_CLIENT),
        "421 4.7.0 Error: too many connections from %{key}"},
    {"connection_count", BIT(KEY_CLIENT),
        "421 4.7.0 Error: too many connections from %{key}"},
    {"message", BIT(KEY_SENDER), "450 4.7.1 Error: too much mail from %{key}"},
    {"message", BIT(KEY_RECIPIENT_DOMAIN) | BIT(KEY_SERVICE),
        "450 4.7.1 Error: too much mail to %{key}"},
    {"message", BIT(KEY_RECIPIENT) | BIT(KEY_CLIENT),
        "450 4.7.1 Error: too much mail from %{key}"},
    {"message", BIT(KEY_SERVICE), "450 4.7.1 Error: too much mail at %{key}"},
    {"recipient", 0, "450 4.7.1 Error: too many recipients from %{key}"},
};

TEST(default_actions)
{
    for (size_t i = 0; i < COUNT(defaults); i++) {
        enum event_kind kind;
        assert_true(event_kind_parse(defaults[i].event, &kind));
        char *action = verdict_default_action(kind, defaults[i].key);
        assert_string_equal(action, defaults[i].action);
        free(action);
    }
    for (unsigned i = 0; i < EVENT_KINDS; i++) {
        char *action =
            verdict_default_action((enum event_kind)i, BIT(KEY_CLIENT));
        assert_null(verdict_action_unknown(action));
        assert_int_equal(action[0], '4');
        /* The enhanced code is of the same class as the reply's. */
        assert_int_equal(action[4], '4');
        free(action);
    }
}

/* A reply speaks to the right person. */
TEST(whose_counter_is_full)
{
    static const struct {
        uint16_t key;
        const char *text;
    } keys[] = {
        {BIT(KEY_CLIENT), "198.51.100.7"},
        {BIT(KEY_CLIENT_ADDRESS) | BIT(KEY_SERVICE), "198.51.100.7"},
        {BIT(KEY_SASL_USERNAME), "login bob@example.com"},
        {BIT(KEY_SENDER), "sender news@bank.example"},
        {BIT(KEY_SENDER_DOMAIN), "sender domain bank.example"},
        {BIT(KEY_RECIPIENT), "recipient a\\x0ab@example.org"},
        {BIT(KEY_RECIPIENT_DOMAIN), "recipient domain example.org"},
        {BIT(KEY_HELO), "HELO name mx"},
        {BIT(KEY_SERVICE), "service 25"},
        {BIT(KEY_CLIENT) | BIT(KEY_SENDER),
            "198.51.100.7, sender news@bank.example"},
        {0, "198.51.100.7"},
    };
    struct limit of_message = {.key = 0};
    struct event event = {.client_text = "198.51.100.7",
        .service = "25",
        .sasl_username = "bob@example.com",
        .sender = "news@bank.example",
        .recipient = "a\nb@example.org",
        .helo = "mx"};
    char action[] = "%{key}", text[VERDICT_ACTION_SIZE];

    for (size_t i = 0; i < COUNT(keys); i++) {
        struct limit limit = {.action = action, .key = keys[i].key};
        struct verdict verdict = {
            .kind = VERDICT_REFUSE, .reason = REASON_LIMIT, .limit = &limit};
        assert_string_equal(
            verdict_action(&verdict, &event, text), keys[i].text);
    }
    const struct verdict verdict = {
        .kind = VERDICT_REFUSE, .reason = REASON_LIMIT, .limit = &of_message};
    of_message.action = action;
    event.client_text = "";
    assert_string_equal(verdict_action(&verdict, &event, text), "");
}

TEST(who_is_banned)
{
    static const struct {
        enum key_part part;
        const char *action, *text;
    } rows[] = {
        {KEY_CLIENT, "HOLD",
            "421 4.7.1 Error: client host rejected: access denied"},
        {KEY_SASL_USERNAME, "",
            "450 4.7.1 Error: your account may not send for now"},
        {KEY_SASL_DOMAIN, "",
            "450 4.7.1 Error: your domain may not send for now"},
        {KEY_SENDER, "",
            "450 4.7.1 Error: access denied for now to sender a@b.example"},
        {KEY_HELO, "",
            "450 4.7.1 Error: access denied for now to HELO name mx"},
        {KEY_SASL_USERNAME, "550 5.7.1 %{key} from %{client}: ask us",
            "550 5.7.1 login bob@example.com from 198.51.100.7: ask us"},
        {KEY_RECIPIENT_DOMAIN, "DEFER %{key}, %{retry_after}",
            "DEFER recipient domain c.example, 2"},
    };
    const struct event event = {.client_text = "198.51.100.7",
        .sasl_username = "bob@example.com",
        .sender = "a@b.example",
        .recipient = "a@c.example",
        .helo = "mx"};
    char text[VERDICT_ACTION_SIZE];

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct verdict verdict = {.kind = VERDICT_REFUSE,
            .reason = REASON_BANNED,
            .retry_ms = 1001,
            .banned_by = rows[i].part,
            .ban_action = rows[i].action};
        assert_string_equal(verdict_word(&verdict), "refuse");
        assert_string_equal(
            verdict_action(&verdict, &event, text), rows[i].text);
    }
    const struct verdict held = {.kind = VERDICT_PASS,
        .is_held = true,
        .reason = REASON_BANNED,
        .banned_by = KEY_SASL_USERNAME,
        .ban_action = "HOLD %{key}"};
    assert_string_equal(verdict_word(&held), "hold");
    assert_string_equal(
        verdict_action(&held, &event, text), "HOLD login bob@example.com");
    assert_true(verdict_action_holds("HOLD") && verdict_action_holds("hold x"));
    assert_false(verdict_action_holds("HOLDER") || verdict_action_holds(""));
    assert_null(verdict_ban_action_unknown("%{key}%{client}%{retry_after}"));
    assert_string_equal(verdict_ban_action_unknown("a %{rate}"), "%{rate}");
    assert_string_equal(verdict_ban_action_unknown("%{limit}"), "%{limit}");
}

TEST(names)
{
    assert_string_equal(verdict_kind_name(VERDICT_PASS), "pass");
    assert_string_equal(verdict_kind_name(VERDICT_REFUSE), "refuse");
    assert_string_equal(verdict_kind_name(VERDICT_DEFER), "defer");
    assert_string_equal(verdict_reason_name(REASON_NONE), "none");
    assert_string_equal(verdict_reason_name(REASON_EXEMPT), "exempt");
    assert_string_equal(verdict_reason_name(REASON_LIMIT), "limit");
    assert_string_equal(verdict_reason_name(REASON_STORE), "store");
    assert_string_equal(verdict_reason_name(REASON_UNTRUSTED), "untrusted");
    assert_string_equal(verdict_reason_name(REASON_UNPROVEN), "unproven");
    assert_string_equal(verdict_reason_name(REASON_IMPOSSIBLE), "impossible");
    assert_string_equal(verdict_reason_name(REASON_FRONTENDS), "frontends");
    assert_string_equal(verdict_reason_name(REASON_UNPROXIED), "unproxied");
    assert_null(verdict_reason_name(REASONS));
}

static const struct row {
    const char *action;
    const char *client;
    enum limit_kind kind;
    int64_t retry_ms;
    const char *text;
} rows[] = {
    {"450 4.7.1 Error: too much mail from %{client}", "198.51.100.7",
        LIMIT_RATE, 0, "450 4.7.1 Error: too much mail from 198.51.100.7"},
    {"%{client}%{client}", "a", LIMIT_RATE, 0, "aa"},
    {"%{limit} %{rate}", "", LIMIT_RATE, 0, "sasl-day 500/1m"},
    {"%{rate}", "", LIMIT_COUNT, 0, "500"},
    {"%{rate}", "", LIMIT_PER_MESSAGE, 0, "500"},
    {"%{retry_after} s", "", LIMIT_RATE, 0, "0 s"},
    {"%{retry_after} s", "", LIMIT_RATE, 1, "1 s"},
    {"%{retry_after} s", "", LIMIT_RATE, 1000, "1 s"},
    {"%{retry_after} s", "", LIMIT_RATE, 1001, "2 s"},
    {"%{retry_after} s", "", LIMIT_RATE, INT64_MAX, "9223372036854776 s"},
    {"%{retry_after}", "", LIMIT_RATE, CHARGE_NEVER, "never"},
    {"100% %% %{", "", LIMIT_RATE, 0, "100% %% %{"},
    {"REJECT plain", "", LIMIT_RATE, 0, "REJECT plain"},
    {"a\nb\r\tc", "", LIMIT_RATE, 0, "a b  c"},
    {"%{client}", "x\r\naction=OK\n\n", LIMIT_RATE, 0,
        "x\\x0d\\x0aaction=OK\\x0a\\x0a"},
    {"%{client}", "%{limit}\xff\\", LIMIT_RATE, 0, "%{limit}\\xff\\\\"},
};

TEST(actions)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[] = "sasl-day", action[128], text[VERDICT_ACTION_SIZE];
        struct limit limit = {
            .name = name,
            .action = action,
            .kind = rows[i].kind,
            .n = 500,
            .window_ms = 60000,
        };
        struct verdict verdict = {
            .kind = VERDICT_REFUSE,
            .reason = REASON_LIMIT,
            .limit = &limit,
            .allowed = limit.n,
            .window_ms = limit.window_ms,
            .retry_ms = rows[i].retry_ms,
        };
        struct event event = {.client_text = rows[i].client};
        memcpy(action, rows[i].action, strlen(rows[i].action) + 1);
        assert_ptr_equal(verdict_action(&verdict, &event, text), text);
        assert_string_equal(text, rows[i].text);
    }
}

TEST(pass_and_defer)
{
    struct verdict verdict = {.kind = VERDICT_PASS};
    struct event event = {.client_text = "198.51.100.7"};
    char text[VERDICT_ACTION_SIZE];
    assert_string_equal(verdict_action(&verdict, &event, text), "DUNNO");
    verdict = (struct verdict){
        .kind = VERDICT_DEFER,
        .reason = REASON_STORE,
    };
    assert_memory_equal(verdict_action(&verdict, &event, text), "451 4.", 6);
}

TEST(words_of_a_proof)
{
    static const struct {
        enum verdict_kind kind;
        enum verdict_reason reason;
        const char *text;
    } words[] = {
        {VERDICT_REFUSE, REASON_UNTRUSTED,
            "421 4.7.1 Error: not through a trusted proxy"},
        {VERDICT_REFUSE, REASON_UNPROVEN,
            "421 4.7.1 Error: not through a trusted proxy"},
        {VERDICT_DEFER, REASON_UNPROVEN,
            "451 4.3.5 Error: no proof of the proxy is possible over inet"},
        {VERDICT_REFUSE, REASON_IMPOSSIBLE,
            "421 4.7.1 Error: impossible client address"},
        {VERDICT_REFUSE, REASON_FRONTENDS,
            "421 4.7.1 Error: not through a frontend of ours"},
        {VERDICT_DEFER, REASON_UNPROXIED,
            "450 4.7.1 Error: mail has to come through the proxy"},
        {VERDICT_PASS, REASON_UNPROXIED, "DUNNO"},
    };
    struct event event = {.client_text = "198.51.100.7"};
    char text[VERDICT_ACTION_SIZE];

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct verdict verdict = {
            .kind = words[i].kind, .reason = words[i].reason};
        assert_string_equal(
            verdict_action(&verdict, &event, text), words[i].text);
    }
}

TEST(actions_are_cut)
{
    char long_action[2000], client[2000], name[] = "n";
    char text[VERDICT_ACTION_SIZE];
    struct limit limit = {.name = name, .action = long_action};
    struct verdict verdict = {.kind = VERDICT_REFUSE, .limit = &limit};
    struct event event = {.client_text = client};
    memset(client, '\n', sizeof client - 1);
    client[sizeof client - 1] = '\0';
    memset(long_action, 'x', sizeof long_action - 1);
    long_action[sizeof long_action - 1] = '\0';
    verdict_action(&verdict, &event, text);
    assert_int_equal(strlen(text), sizeof text - 1);
    /* A long client does not push the words after it out. */
    char around[] = "450 %{client} end";
    limit.action = around;
    verdict_action(&verdict, &event, text);
    assert_memory_equal(text, "450 \\x0a", 8);
    assert_string_equal(text + strlen(text) - 7, "... end");
    assert_true(strlen(text) < 200);
}

static const struct {
    const char *text;
    const char *unknown;
} unknowns[] = {
    {"", NULL},
    {"450 plain 100% %", NULL},
    {"%{client}%{limit}%{rate}%{retry_after}", NULL},
    {"a %{clients} b", "%{clients} b"},
    {"%{client} %{Client}", "%{Client}"},
    {"%{}", "%{}"},
    {"%{client", "%{client"},
    {"%%{x}", "%{x}"},
};

TEST(unknown_expansions)
{
    for (size_t i = 0; i < COUNT(unknowns); i++) {
        const char *found = verdict_action_unknown(unknowns[i].text);
        if (unknowns[i].unknown == NULL) {
            assert_null(found);
            continue;
        }
        assert_non_null(found);
        assert_string_equal(found, unknowns[i].unknown);
    }
}

RUN_TESTS(NULL, NULL)
