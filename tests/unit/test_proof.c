/*
 * test_proof.c - proof and claim in the engine's order, by a table.
 */
#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/engine/engine.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] =
    "client_limits_at = \"policy\"\n"
    "client_message_rate_limit = 5\n"
    "exempt_clients = { \"203.0.113.0/24\" }\n"
    "limit \"login\" { at = \"policy\" event = \"message\"\n"
    "  key = { \"sasl_username\" } rate = \"5/1h\" }\n"
    "service \"12525\" { port = 12525 proxied = true\n"
    "  trusted_proxies = { \"172.16.42.2\" }\n"
    "  frontends = { \"192.0.2.25:25\" } }\n"
    "service \"relay\" { names = { \"relay:25\" } proxied = true\n"
    "  trusted_proxies = { \"172.16.42.3\" } unproxied_mail = \"defer\" }\n"
    "service \"soft\" { port = 10465 proxied = true proof = \"optional\"\n"
    "  trusted_proxies = { \"172.16.42.2\" } }\n"
    "service \"claims\" { proxied = true proof = \"off\" }\n"
    "service \"25\" { port = 25 names = { \"smtpd\" } }\n";

#define PROVEN(address, port) PEER_PROVEN, address, port

struct row {
    const char *service; /* as the face was told */
    enum peer_state state;
    const char *peer;
    uint16_t port;
    const char *client;
    uint32_t messages;
    enum verdict_kind kind;
    enum verdict_reason reason;
    const char *subject; /* of the charge; NULL: nothing is charged */
};

#define C     "198.51.100.7"
#define P     "172.16.42.2"
#define PASS  VERDICT_PASS, REASON_NONE
#define NO(r) VERDICT_REFUSE, REASON_##r, NULL

static const struct row rows[] = {
    /* through the proxy */
    {"smtpd", PROVEN(P, 12525), C, 1, PASS, "s=12525|c=198.51.100.7"},
    {"", PROVEN(P, 12525), C, 1, PASS, "s=12525|c=198.51.100.7"},
    {"relay:25", PROVEN("172.16.42.3", 25001), C, 1, PASS,
        "s=relay|c=198.51.100.7"},
    /* past it */
    {"smtpd", PROVEN("172.16.42.9", 12525), C, 1, NO(UNTRUSTED)},
    {"smtpd", PROVEN("172.16.42.9", 12525), C, 0, NO(UNTRUSTED)},
    {"relay:25", PROVEN(P, 25001), C, 1, NO(UNTRUSTED)},
    {"smtpd", PROVEN("172.16.42.9", 12525), "127.0.0.1", 1, NO(UNTRUSTED)},
    {"smtpd", PROVEN("172.16.42.9", 12525), "203.0.113.1", 1, NO(UNTRUSTED)},
    {"smtpd", PROVEN("172.16.42.9", 12525), P, 1, NO(UNTRUSTED)},
    {"soft", PROVEN("172.16.42.9", 10465), C, 1, NO(UNTRUSTED)},
    /* nobody knows */
    {"smtpd", PEER_UNPROVEN, "", 12525, C, 1, NO(UNPROVEN)},
    {"relay:25", PEER_UNPROVEN, "", 0, C, 1, NO(UNPROVEN)},
    {"relay:25", PEER_LOCAL, "", 0, C, 1, NO(UNPROVEN)},
    {"relay:25", PEER_ELSEWHERE, "", 0, C, 1, NO(UNPROVEN)},
    {"relay:25", PEER_NOT_ASKED, "", 0, C, 1, NO(UNPROVEN)},
    {"other", PEER_UNPROVEN, "", 0, C, 1, NO(UNPROVEN)},
    {"smtpd", PEER_UNPROVEN, "", 25, C, 1, PASS, "s=25|c=198.51.100.7"},
    {"smtpd", PEER_UNPROVEN, "", 0, C, 1, PASS, "s=25|c=198.51.100.7"},
    {"soft", PEER_UNPROVEN, "", 10465, C, 1, PASS, "s=soft|c=198.51.100.7"},
    {"soft", PEER_UNPROVEN, "", 10465, "203.0.113.1", 1, PASS,
        "s=soft|c=203.0.113.1"},
    /* over inet */
    {"relay", PEER_INET, "", 0, C, 1, VERDICT_DEFER, REASON_UNPROVEN, NULL},
    {"", PEER_INET, "", 0, C, 1, VERDICT_DEFER, REASON_UNPROVEN, NULL},
    {"soft", PEER_INET, "", 0, C, 1, PASS, "s=soft|c=198.51.100.7"},
    {"25", PEER_INET, "", 0, C, 1, PASS, "s=25|c=198.51.100.7"},
    /* local submission, and services without a proxy */
    {"", PEER_LOCAL, "", 0, "127.0.0.1", 1, PASS, "s=|c=127.0.0.1"},
    {"", PEER_ELSEWHERE, "", 0, "127.0.0.1", 1, PASS, "s=|c=127.0.0.1"},
    {"smtpd", PROVEN(C, 25), C, 1, PASS, "s=25|c=198.51.100.7"},
    {"smtpd", PROVEN(C, 25), "127.0.0.1", 1, PASS, "s=25|c=127.0.0.1"},
    {"smtpd", PROVEN("203.0.113.1", 25), "203.0.113.1", 1, VERDICT_PASS,
        REASON_EXEMPT, NULL},
    {"x", PROVEN(C, 2525), C, 1, PASS, "s=x|c=198.51.100.7"},
    /* a section of another port is not this session's, whatever the name */
    {"smtpd", PROVEN(C, 2525), C, 1, PASS, "s=smtpd|c=198.51.100.7"},
    /* claims */
    {"", PROVEN(P, 12525), "127.0.0.1", 1, NO(IMPOSSIBLE)},
    {"", PROVEN(P, 12525), "203.0.113.1", 1, VERDICT_PASS, REASON_EXEMPT, NULL},
    {"claims", PEER_NOT_ASKED, "", 0, "127.0.0.1", 1, NO(IMPOSSIBLE)},
    {"claims", PEER_NOT_ASKED, "", 0, "203.0.113.1", 1, PASS,
        "s=claims|c=203.0.113.1"},
    /* the proxy itself */
    {"", PROVEN(P, 12525), P, 0, VERDICT_PASS, REASON_UNPROXIED, NULL},
    {"", PROVEN(P, 12525), P, 1, PASS, "s=12525|c=unproxied"},
    {"relay:25", PROVEN("172.16.42.3", 9), "172.16.42.3", 0, VERDICT_PASS,
        REASON_UNPROXIED, NULL},
    {"relay:25", PROVEN("172.16.42.3", 9), "172.16.42.3", 1, VERDICT_DEFER,
        REASON_UNPROXIED, NULL},
    {"soft", PEER_UNPROVEN, "", 10465, P, 1, PASS, "s=soft|c=172.16.42.2"},
};

static unsigned verdicts;

static void on_verdict(struct decision *decision)
{
    verdicts++;
}

static struct config *load(const char *config_text)
{
    char path[] = "/tmp/tollgate-test-XXXXXX";
    const struct config_source source = {.path = path};
    struct error err;
    int fd = mkstemp(path);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, config_text, strlen(config_text)),
        (ssize_t)strlen(config_text));
    close(fd);
    struct config *config = config_load(&source, &err);
    unlink(path);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

static struct event event_of(const struct row *row)
{
    struct event event = {.face = FACE_POLICY,
        .service = row->service,
        .client_text = row->client,
        EVENT_NO_TEXTS,
        .peer = {.state = row->state, .port = row->port}};
    struct error err;

    event.amount[EVENT_MESSAGE] = row->messages;
    assert_true(cidr_parse(row->client, &event.client, &err));
    address_parse(row->peer, strlen(row->peer), &event.peer.address);
    return event;
}

static void expect(const struct row *row, size_t i, const struct verdict *got)
{
    const char *subject = fake_store.charges_asked == 0
                              ? NULL
                              : fake_store.asked[0].subject->text;

    if (got->kind != row->kind || got->reason != row->reason)
        fail_msg("row %zu, %s: %s %s", i, row->service,
            verdict_kind_name(got->kind), verdict_reason_name(got->reason));
    if ((subject == NULL) != (row->subject == NULL) ||
        (subject != NULL && strcmp(subject, row->subject) != 0))
        fail_msg("row %zu: charged to %s", i, subject);
}

TEST(rows)
{
    struct config *config = load(text);
    struct engine *engine = engine_new(NULL, config);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct decision decision = {.on_verdict = on_verdict};
        decision.event = event_of(&rows[i]);
        fake_store_reset();
        verdicts = 0;
        engine_decide(engine, &decision);
        assert_int_equal(verdicts, 1);
        expect(&rows[i], i, &decision.verdict);
        decision_clear(&decision);
    }
    const struct metrics *metrics = engine_metrics(engine);
    assert_int_equal(metrics->proofs[FACE_POLICY][PROOF_INET], 4);
    assert_int_equal(metrics->proofs[FACE_POLICY][PROOF_UNTRUSTED], 7);
    engine_free(&engine);
    config_unref(&config);
}

static const struct row through_proxy = {
    "", PROVEN(P, 12525), C, 1, PASS, "s=12525|c=198.51.100.7"};

static void decide_with(
    struct engine *engine, struct event event, struct verdict *verdict_r)
{
    struct decision decision = {.on_verdict = on_verdict, .event = event};

    fake_store_reset();
    engine_decide(engine, &decision);
    *verdict_r = decision.verdict;
    decision_clear(&decision);
}

TEST(frontends)
{
    struct config *config = load(text);
    struct engine *engine = engine_new(NULL, config);
    struct event event = event_of(&through_proxy);
    struct verdict verdict;

    assert_true(address_parse("192.0.2.25", 10, &event.frontend));
    event.frontend_port = 25;
    decide_with(engine, event, &verdict);
    assert_int_equal(verdict.kind, VERDICT_PASS);
    event.frontend_port = 26;
    decide_with(engine, event, &verdict);
    assert_int_equal(verdict.kind, VERDICT_REFUSE);
    assert_int_equal(verdict.reason, REASON_FRONTENDS);
    engine_free(&engine);
    config_unref(&config);
}

TEST(reload_takes_trust_away)
{
    struct config *config = load(text);
    struct engine *engine = engine_new(NULL, config);
    struct config *after =
        load("service \"12525\" { port = 12525 proxied = true\n"
             "  trusted_proxies = { \"172.16.42.3\" } }\n");
    struct verdict verdict;

    decide_with(engine, event_of(&through_proxy), &verdict);
    assert_int_equal(verdict.kind, VERDICT_PASS);
    engine_reload(engine, after);
    decide_with(engine, event_of(&through_proxy), &verdict);
    assert_int_equal(verdict.reason, REASON_UNTRUSTED);
    engine_free(&engine);
    config_unref(&config);
    config_unref(&after);
}

static const char gated_text[] =
    "client_limits_at = \"policy\"\n"
    "client_message_rate_limit = 5\n"
    "exempt_clients = { \"203.0.113.0/24\" }\n"
    "service \"12525\" { port = 12525 proxied = true\n"
    "  trusted_proxies = { \"172.16.42.2\" }\n"
    "  frontends = { \"192.0.2.25:25\" }\n"
    "  pass_to = \"/q/public/smtpd-gate\" }\n"
    "service \"claims\" { proxied = true proof = \"off\" }\n"
    "service \"25\" { port = 25 names = { \"smtpd\" } proof = \"off\" }\n"
    "policyd { listen = { \"policy:unix:/p\","
    "  \"gate:inet:0.0.0.0:12525\" } }\n";

/* The kernel is not asked: what is the gate's has the pass service's name. */
static const struct row gated[] = {
    {"smtpd-gate", PEER_NOT_ASKED, "", 0, C, 1, PASS, "s=12525|c=198.51.100.7"},
    {"smtpd-gate", PEER_NOT_ASKED, "", 0, "203.0.113.1", 1, VERDICT_PASS,
        REASON_EXEMPT, NULL},
    {"smtpd-gate", PEER_NOT_ASKED, "", 0, "127.0.0.1", 1, NO(IMPOSSIBLE)},
    {"smtpd-gate", PEER_NOT_ASKED, "", 0, P, 0, VERDICT_PASS, REASON_UNPROXIED,
        NULL},
    /* A listener of Postfix at the gate's port is no gate. */
    {"12525", PEER_NOT_ASKED, "", 0, C, 1, NO(UNPROVEN)},
    {"127.0.0.1:12525", PEER_NOT_ASKED, "", 0, C, 1, NO(UNPROVEN)},
    {"[::1]:12525", PEER_NOT_ASKED, "", 0, "203.0.113.1", 1, NO(UNPROVEN)},
    {"mail.example:12525", PEER_NOT_ASKED, "", 0, C, 0, NO(UNPROVEN)},
    /* What the gate itself has found out. */
    {"12525", PROVEN(P, 12525), C, 0, PASS, NULL},
    {"12525", PROVEN("172.16.42.9", 12525), C, 0, NO(UNTRUSTED)},
    {"smtpd-gate", PROVEN("172.16.42.9", 12525), C, 1, NO(UNTRUSTED)},
    /* Others are what they are without a gate. */
    {"smtpd", PEER_NOT_ASKED, "", 0, C, 1, PASS, "s=25|c=198.51.100.7"},
    {"", PEER_NOT_ASKED, "", 0, C, 1, PASS, "s=|c=198.51.100.7"},
    {"112525", PEER_NOT_ASKED, "", 0, C, 1, PASS, "s=112525|c=198.51.100.7"},
    {"127.0.0.1:25", PEER_NOT_ASKED, "", 0, C, 1, PASS,
        "s=127.0.0.1:25|c=198.51.100.7"},
    {"claims", PEER_NOT_ASKED, "", 0, "203.0.113.1", 1, PASS,
        "s=claims|c=203.0.113.1"},
};

TEST(behind_a_gate)
{
    struct config *config = load(gated_text);
    struct engine *engine = engine_new(NULL, config);
    struct verdict verdict;

    assert_false(config->wants_proof);
    for (size_t i = 0; i < COUNT(gated); i++) {
        decide_with(engine, event_of(&gated[i]), &verdict);
        expect(&gated[i], i, &verdict);
    }
    engine_free(&engine);
    config_unref(&config);
}

/* Before an smtpd is woken, limits of connections are looked at, whichever face
 * counts them, and nothing is charged. */
TEST(a_gate_looks)
{
    char *limits = xprintf("%s%s", gated_text,
        "milter { listen = \"unix:/m\" }\n"
        "limit \"rate\" { at = \"milter\" event = \"connection\"\n"
        "  key = { \"client\" } rate = \"5/1h\" }\n");
    struct config *config = load(limits);
    struct engine *engine = engine_new(NULL, config);
    struct event event = event_of(&through_proxy);
    struct verdict verdict;

    free(limits);
    event.face = FACE_ANVIL;
    event.is_gate = event.peek = true;
    event.amount[EVENT_MESSAGE] = 0;
    event.amount[EVENT_CONNECTION] = event.amount[EVENT_CONNECTION_COUNT] = 1;
    decide_with(engine, event, &verdict);
    assert_int_equal(verdict.kind, VERDICT_PASS);
    assert_int_equal(fake_store.looks, 1);
    assert_int_equal(fake_store.charges_asked, 0);
    assert_int_equal(fake_store.asked_count, 1); /* no report */
    assert_string_equal(fake_store.asked[0].name, "s:rate");
    const struct metrics *metrics = engine_metrics(engine);
    assert_int_equal(metrics->gate_decisions[VERDICT_PASS][REASON_NONE], 1);
    assert_int_equal(
        metrics->decisions[FACE_ANVIL][VERDICT_PASS][REASON_NONE], 0);
    engine_free(&engine);
    config_unref(&config);
}

/* Where the kernel is asked for another service, no name counts. */
TEST(a_gate_beside_other_proxied_services)
{
    static const struct row beside[] = {
        {"smtpd-gate", PROVEN(P, 12525), C, 1, PASS, "s=12525|c=198.51.100.7"},
        {"smtpd-gate", PROVEN("172.16.42.9", 12525), C, 1, NO(UNTRUSTED)},
        {"smtpd-gate", PROVEN("172.16.42.9", 10465), C, 1, NO(UNTRUSTED)},
        {"smtpd-gate", PEER_UNPROVEN, "", 0, C, 1, NO(UNPROVEN)},
        {"smtpd-gate", PEER_NOT_ASKED, "", 0, C, 1, NO(UNPROVEN)},
    };
    char *both = xprintf("%s%s", gated_text,
        "service \"10465\" { port = 10465 proxied = true\n"
        "  trusted_proxies = { \"172.16.42.2\" } }\n");
    struct config *config = load(both);
    struct engine *engine = engine_new(NULL, config);
    struct verdict verdict;

    free(both);
    assert_true(config->wants_proof);
    for (size_t i = 0; i < COUNT(beside); i++) {
        decide_with(engine, event_of(&beside[i]), &verdict);
        expect(&beside[i], i, &verdict);
    }
    engine_free(&engine);
    config_unref(&config);
}

/* Shadow limits refuse nothing; proof is no limit. */
TEST(shadow_does_not_reach_proof)
{
    struct config *config = load("shadow = true\n"
                                 "service \"12525\" { port = 12525\n"
                                 "  proxied = true\n"
                                 "  trusted_proxies = { \"172.16.42.3\" } }\n");
    struct engine *engine = engine_new(NULL, config);
    struct verdict verdict;

    decide_with(engine, event_of(&through_proxy), &verdict);
    assert_int_equal(verdict.kind, VERDICT_REFUSE);
    engine_free(&engine);
    config_unref(&config);
}

/* Nobody is asked about, so nothing is looked at: not even the descriptor. */
TEST(proof_is_not_made_where_none_is_wanted)
{
    struct config *config = load("service \"25\" { proxied = true\n"
                                 "  proof = \"off\" }\n");
    struct engine *engine = engine_new(NULL, config);
    struct event event = event_of(&through_proxy);

    engine_prove(engine, -1, &event);
    assert_int_equal(event.peer.state, PEER_NOT_ASKED);
    engine_free(&engine);
    config_unref(&config);
}

/* Behind a proxy too: free of the client's limits if the proxy is proven, and
 * of a login's never. */
TEST(a_login_of_an_exempt_client)
{
    static const struct row webmail[] = {
        {"", PROVEN(P, 12525), "203.0.113.1", 1, VERDICT_PASS, REASON_EXEMPT,
            "u=bob"},
        {"soft", PEER_UNPROVEN, "", 10465, "203.0.113.1", 1, PASS,
            "s=soft|c=203.0.113.1"},
        {"smtpd", PROVEN("172.16.42.9", 12525), "203.0.113.1", 1,
            NO(UNTRUSTED)},
    };
    struct config *config = load(text);
    struct engine *engine = engine_new(NULL, config);

    for (size_t i = 0; i < COUNT(webmail); i++) {
        struct event event = event_of(&webmail[i]);
        struct verdict verdict;
        event.sasl_username = "bob";
        decide_with(engine, event, &verdict);
        expect(&webmail[i], i, &verdict);
    }
    engine_free(&engine);
    config_unref(&config);
}

/* At the milter cleanup may come under any name, but nobody else without a
 * TCP socket. */
TEST(local_submission_at_the_milter)
{
    static const struct row local = {
        "relay:25", PEER_LOCAL, "", 0, "203.0.113.1", 1, PASS, NULL};
    struct config *config = load(text);
    struct engine *engine = engine_new(NULL, config);
    struct event event = event_of(&local);
    struct verdict verdict;

    event.face = FACE_MILTER;
    decide_with(engine, event, &verdict);
    assert_int_equal(verdict.kind, VERDICT_PASS);
    assert_int_equal(verdict.reason, REASON_EXEMPT);
    event.peer.state = PEER_ELSEWHERE;
    decide_with(engine, event, &verdict);
    assert_int_equal(verdict.reason, REASON_UNPROVEN);
    event.peer.state = PEER_NOT_ASKED;
    decide_with(engine, event, &verdict);
    assert_int_equal(verdict.reason, REASON_UNPROVEN);
    engine_free(&engine);
    config_unref(&config);
}

static const struct {
    enum peer_state state;
    const char *address;
    uint16_t port;
    bool is_refused;
} peers[] = {
    {PROVEN(P, 12525), false},
    {PROVEN("172.16.42.9", 12525), true},
    {PEER_UNPROVEN, "", 12525, true},
    {PROVEN("172.16.42.9", 10465), true},
    {PEER_UNPROVEN, "", 10465, false}, /* proof is optional there */
    {PROVEN("172.16.42.9", 25), false},
    {PROVEN("172.16.42.9", 9), false},
    {PEER_UNPROVEN, "", 0, false}, /* the name will tell */
    {PEER_LOCAL, "", 0, false},
    {PEER_ELSEWHERE, "", 0, false},
    {PEER_INET, "", 0, false},
    {PEER_NOT_ASKED, "", 0, false},
};

TEST(refused_for_the_peer_alone)
{
    struct config *config = load(text);
    struct engine *engine = engine_new(NULL, config);

    for (size_t i = 0; i < COUNT(peers); i++) {
        struct peer peer = {.state = peers[i].state, .port = peers[i].port};
        address_parse(
            peers[i].address, strlen(peers[i].address), &peer.address);
        if (engine_refuses_peer(engine, &peer) != peers[i].is_refused)
            fail_msg("row %zu", i);
    }
    engine_free(&engine);
    config_unref(&config);
}

static int set_up(void **state)
{
    struct error err;

    return !log_open(
        "file:/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err);
}

RUN_TESTS(set_up, NULL)
