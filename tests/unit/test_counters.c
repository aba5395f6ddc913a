/*
 * test_counters.c - the counters of a key are those that a decision charges.
 *
 * What counters_list names is compared with what bill_write makes of an event
 * of that client, so the two cannot drift apart.
 */
#include "tests/unit/unit.h"

#include "common/engine/bill.h"
#include "common/engine/counters.h"
#include "common/engine/names.h"
#include "common/engine/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *text;
    enum key_part part;
    const char *value, *problem;
} keys[] = {
    {"198.51.100.7", KEY_CLIENT, "", NULL},
    {"2001:db8::1", KEY_CLIENT, "", NULL},
    {"2001:db8::/64", KEY_CLIENT, "", NULL},
    {"client:198.51.100.7", KEY_CLIENT, "", NULL},
    {"unproxied", KEY_CLIENT, "", NULL},
    {"sasl:bob", KEY_SASL_USERNAME, "bob", NULL},
    {"sasl_username:bob@x:y", KEY_SASL_USERNAME, "bob@x:y", NULL},
    {"sasl_domain:b", KEY_SASL_DOMAIN, "@b", NULL},
    {"sasl:@b", KEY_SASL_DOMAIN, "@b", NULL},
    {"sasl_username:@b", KEY_SASL_DOMAIN, "@b", NULL},
    {"sasl:@", KEY_CLIENT, NULL, "must follow"},
    {"sender:a@b", KEY_SENDER, "a@b", NULL},
    {"sender_domain:b", KEY_SENDER_DOMAIN, "@b", NULL},
    {"recipient:a@b", KEY_RECIPIENT, "a@b", NULL},
    {"recipient_domain:b", KEY_RECIPIENT_DOMAIN, "@b", NULL},
    {"helo:x", KEY_HELO, "x", NULL},
    {"", KEY_CLIENT, NULL, ""},
    {"bob", KEY_CLIENT, NULL, ""},
    {"198.51.100.7/24", KEY_CLIENT, NULL, "198.51.100.0/24"},
    {"sasl:", KEY_CLIENT, NULL, "must follow"},
    {":bob", KEY_CLIENT, NULL, "no such kind of key"},
    {"service:25", KEY_CLIENT, NULL, "no such kind of key"},
    {"client:bob", KEY_CLIENT, NULL, ""},
    {"0123456789012345678901234567890123456789:x", KEY_CLIENT, NULL,
        "no such kind of key"},
};

TEST(keys)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct counter_key key;
        struct error err = {""};
        bool is_good = counter_key_parse(keys[i].text, &key, &err);
        if (is_good != (keys[i].problem == NULL))
            print_error("%s: %s\n", keys[i].text, err.text);
        assert_int_equal(is_good, keys[i].problem == NULL);
        if (!is_good) {
            assert_non_null(strstr(err.text, keys[i].problem));
            continue;
        }
        assert_int_equal(key.part, keys[i].part);
        assert_string_equal(key.text, keys[i].value);
    }
}

static const char text[] =
    "client_limits_at = \"anvil\"\n"
    "client_message_rate_limit = 5\n"
    "client_connection_count_limit = 3\n"
    "limit \"sasl-day\" { event = \"recipient\" rate = \"9/1d\"\n"
    "  at = \"policy\" key = { \"sasl_username\" } }\n"
    "limit \"address\" { event = \"bytes\" rate = \"9/1h\"\n"
    "  at = \"policy\" key = { \"client_address\" } window = \"fixed\" }\n"
    "limit \"domain\" { event = \"message\" rate = \"9/1h\"\n"
    "  at = \"policy\" key = { \"sender_domain\", \"service\" } }\n"
    "limit \"pair\" { event = \"message\" rate = \"9/1h\"\n"
    "  at = \"policy\" key = { \"client\", \"sender\" } }\n"
    "limit \"alone\" { event = \"message\" rate = \"9/1h\"\n"
    "  at = \"policy\" key = { \"service\" } }\n"
    "limit \"big\" { event = \"recipient\" max_per_message = 9\n"
    "  at = \"policy\" key = { \"client\" } }\n";

static struct config *load(const char *conf)
{
    char path[] = "/tmp/test_counters.XXXXXX";
    const struct config_source source = {.path = path};
    struct error err;
    int fd = mkstemp(path);

    assert_true(fd != -1);
    assert_int_equal(write(fd, conf, strlen(conf)), strlen(conf));
    close(fd);
    struct config *config = config_load(&source, &err);
    if (config == NULL)
        print_error("%s\n", err.text);
    assert_non_null(config);
    unlink(path);
    return config;
}

static const char *const services[] = {"25", "submission"};

static bool is_charged(const struct bill *bill, const struct counter *counter)
{
    for (size_t i = 0; i < bill->count; i++) {
        const struct charge *charge = &bill->charges[i];
        if (charge->kind == counter->charge.kind &&
            charge->field == counter->charge.field &&
            charge->limit == counter->charge.limit &&
            charge->window_ms == counter->charge.window_ms &&
            strcmp(charge->name, counter->charge.name) == 0 &&
            strcmp(charge->subject->text, counter->subject.text) == 0 &&
            bill->items[i].limit == counter->limit)
            return true;
    }
    return false;
}

/* How many of the counters such an event is charged to. */
static size_t count_charged(const struct counters *counters,
    const struct config *config, const struct event *event)
{
    struct bill bill;
    size_t found = 0;

    struct edict_table *edicts = edict_table_new();
    bill_write(&bill, edicts, config, event, event->service);
    edict_table_free(&edicts);
    for (size_t i = 0; i < counters->count; i++)
        found += is_charged(&bill, &counters->items[i]) ? 1 : 0;
    return found;
}

static void list(struct counters *counters, const struct config *config,
    const char *key_text)
{
    struct counter_key key;
    struct error err;

    assert_true(counter_key_parse(key_text, &key, &err));
    counters_list(counters, config, &key, services, COUNT(services));
}

TEST(client)
{
    static struct counters counters;
    struct config *config = load(text);
    struct error err;
    struct event event = {
        .face = FACE_ANVIL, .service = "25", .client_text = "", EVENT_NO_TEXTS};

    list(&counters, config, "198.51.100.7");
    /* of each service: two limits, and reports of the other four kinds;
     * and the client's address */
    assert_int_equal(counters.count, 2 * 6 + 1);
    assert_true(cidr_parse("198.51.100.7", &event.client, &err));
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
        event.amount[kind] = 1;
    assert_int_equal(count_charged(&counters, config, &event), 6);
    event.service = "submission";
    assert_int_equal(count_charged(&counters, config, &event), 6);
    event.face = FACE_POLICY;
    assert_int_equal(count_charged(&counters, config, &event), 1);
    list(&counters, config, "unproxied");
    assert_int_equal(count_charged(&counters, config, &event), 0);
    event.is_unproxied = true;
    assert_int_equal(count_charged(&counters, config, &event), 1);
    config_unref(&config);
}

TEST(others)
{
    static const struct {
        const char *key;
        size_t count;
        const char *subject;
    } cases[] = {
        {"sasl:Bob", 1, "u=bob"},
        {"sender:a@b", 0, ""}, /* only together with a client */
        {"sender_domain:B.example", 2, "s=25|F=b.example"},
        {"recipient:a@b", 0, ""},
    };
    static struct counters counters;
    struct config *config = load(text);

    for (size_t i = 0; i < COUNT(cases); i++) {
        list(&counters, config, cases[i].key);
        assert_int_equal(counters.count, cases[i].count);
        if (counters.count > 0)
            assert_string_equal(
                counters.items[0].subject.text, cases[i].subject);
    }
    config_unref(&config);
}

/* Each limit by its own lengths, in a decision as in a look. */
TEST(lengths)
{
    static const char nested[] =
        "client_ipv6_prefix_length = 64\n"
        "limit \"host\" { event = \"recipient\" rate = \"2/1h\"\n"
        "  at = \"policy\" key = { \"client\" } }\n"
        "limit \"site\" { event = \"recipient\" rate = \"4/1h\"\n"
        "  at = \"policy\" key = { \"client/56\" } }\n"
        "limit \"provider\" { event = \"recipient\" rate = \"8/1h\"\n"
        "  at = \"policy\" key = { \"client/24/48\" } }\n";
    static const struct {
        const char *client, *subjects[3];
    } cases[] = {
        {"2001:db8:0:1ff::1", {"c=2001:db8:0:1ff::/64", "c=2001:db8:0:100::/56",
                                  "c=2001:db8::/48"}},
        {"198.51.100.7",
            {"c=198.51.100.7", "c=198.51.100.7", "c=198.51.100.0/24"}},
    };
    static struct counters counters;
    struct config *config = load(nested);
    struct error err;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct event event = {.face = FACE_POLICY,
            .service = "25",
            .client_text = "",
            .amount = {[EVENT_RECIPIENT] = 1},
            EVENT_NO_TEXTS};
        list(&counters, config, cases[i].client);
        for (size_t at = 0; at < 3; at++)
            assert_string_equal(
                counters.items[at].subject.text, cases[i].subjects[at]);
        assert_true(cidr_parse(cases[i].client, &event.client, &err));
        assert_int_equal(count_charged(&counters, config, &event), 3);
    }
    config_unref(&config);
}

TEST(names)
{
    static struct names names;
    char name[NAMES_SIZE + 1];

    names_note(&names, "25");
    names_note(&names, "25");
    names_note(&names, "");
    names_note(&names, "25");
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[1], "");
    memset(name, 'x', sizeof name);
    name[NAMES_SIZE] = '\0';
    names_note(&names, name); /* too long */
    assert_int_equal(names.count, 2);
    for (int i = 0; i < 2 * NAMES_MAX; i++) {
        (void)snprintf(name, sizeof name, "%d", 1000 + i);
        names_note(&names, name);
    }
    assert_int_equal(names.count, NAMES_MAX);
    names_note(&names, "25");
    assert_int_equal(names.last, 0);
}

static struct address address_of(unsigned number)
{
    char host[ADDRESS_TEXT_SIZE];
    struct address address;

    (void)snprintf(host, sizeof host, "192.0.2.%u", number);
    assert_true(address_parse(host, strlen(host), &address));
    return address;
}

TEST(peers)
{
    static struct peers peers;
    struct address proxy = address_of(0);

    peers_note(&peers, &proxy, true, "25", 1000);
    peers_note(&peers, &proxy, true, "587", 2000);
    peers_note(&peers, &proxy, true, "25", 3000);
    assert_int_equal(peers.proxies.count, 2);
    assert_int_equal(peers.proxies.items[0].requests, 2);
    assert_int_equal(peers.proxies.items[0].first_ms, 1000);
    assert_int_equal(peers.proxies.items[0].last_ms, 3000);
    for (unsigned i = 0; i < PEERS_MAX + 2; i++) {
        struct address forger = address_of(i);
        peers_note(&peers, &forger, false, "25", 4000 + i);
    }
    assert_int_equal(peers.proxies.count, 2);
    assert_int_equal(peers.untrusted.count, PEERS_MAX);
    assert_int_equal(peers.untrusted.forgotten, 2);
    /* those that came longest ago have gone */
    for (size_t i = 0; i < PEERS_MAX; i++)
        assert_true(peers.untrusted.items[i].last_ms >= 4002);
}

RUN_TESTS(NULL, NULL)
