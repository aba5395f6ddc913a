/*
 * test_edict_table.c - bans by network, overrides by key.
 *
 * The last test plays random bans and clients against a plain search through
 * all of them.
 */
#include "tests/unit/unit.h"

#include "common/core/edict_table.h"

#include <stdlib.h>
#include <string.h>

static struct cidr net(const char *text)
{
    struct cidr cidr;
    struct error err;

    if (!cidr_parse(text, &cidr, &err))
        fail_msg("%s", err.text);
    return cidr;
}

static void ban(struct edict_table *table, const char *text, uint64_t until_ms)
{
    struct edict edict = {.until_ms = until_ms};
    struct error err;

    assert_true(edict_set_ban(&edict, text, &err));
    edict_table_put(table, &edict);
}

static const char *banned_by(
    struct edict_table *table, const char *client, uint64_t now_ms)
{
    const struct cidr cidr = net(client);
    const struct edict *found = edict_table_ban(table, &cidr, now_ms);

    return found == NULL ? "" : found->key;
}

TEST(bans_hold_what_lies_in_them)
{
    static const struct {
        const char *client;
        uint64_t now_ms;
        const char *by;
    } rows[] = {
        /* Of several the one that ends last. */
        {"198.51.100.7", 0, "198.51.100.7/32"},
        {"198.51.100.8", 0, "198.51.0.0/16"},
        {"198.51.100.0/24", 0, "198.51.0.0/16"},
        {"198.51.100.7", 599, "198.51.100.7/32"},
        {"198.51.100.7", 700, ""},
        {"198.51.100.8", 600, ""},
        {"198.50.0.0/15", 0, ""},
        {"198.50.255.255", 0, ""},
        {"198.52.0.0", 0, ""},
        {"2001:db8::7", 0, "2001:db8::/64"},
        {"2001:db8::/84", 0, "2001:db8::/64"},
        {"2001:db8::/63", 0, ""},
        {"2001:db8:1::", 0, ""},
        {"0.0.0.0", 0, ""},
    };
    struct edict_table *table = edict_table_new();

    assert_string_equal(banned_by(table, "198.51.100.7", 0), "");
    ban(table, "198.51.100.7", 900);
    ban(table, "198.51.100.0/24", 300);
    ban(table, "2001:db8::/64", 900);
    ban(table, "198.51.0.0/16", 100);
    ban(table, "198.51.100.9", 900);
    ban(table, "198.51.100.7", 700);
    ban(table, "198.51.0.0/16", 600);
    assert_int_equal(edict_table_count(table, EDICT_BAN), 5);
    edict_table_expire(table, 300);
    assert_int_equal(edict_table_count(table, EDICT_BAN), 4);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(
            banned_by(table, rows[i].client, rows[i].now_ms), rows[i].by);
    edict_table_free(&table);
    assert_null(table);
    edict_table_free(&table);
}

TEST(a_ban_that_is_lifted_frees_what_lay_in_it)
{
    struct edict_table *table = edict_table_new();

    ban(table, "10.0.0.0/8", 9);
    ban(table, "10.1.0.0/16", 9);
    ban(table, "10.1.1.0/24", 9);
    assert_string_equal(banned_by(table, "10.1.2.3", 0), "10.1.0.0/16");
    assert_true(edict_table_remove(table, EDICT_BAN, "10.1.0.0/16"));
    assert_false(edict_table_remove(table, EDICT_BAN, "10.1.0.0/16"));
    assert_false(edict_table_remove(table, EDICT_BAN, "no network"));
    assert_string_equal(banned_by(table, "10.1.2.3", 0), "10.0.0.0/8");
    assert_true(edict_table_remove(table, EDICT_BAN, "10.0.0.0/8"));
    assert_string_equal(banned_by(table, "10.1.2.3", 0), "");
    assert_string_equal(banned_by(table, "10.1.1.3", 0), "10.1.1.0/24");
    assert_non_null(edict_table_find(table, EDICT_BAN, "10.1.1.0/24"));
    assert_null(edict_table_find(table, EDICT_BAN, "10.0.0.0/8"));
    edict_table_free(&table);
}

static void ban_name(struct edict_table *table, enum key_part part,
    const char *subject_text, uint64_t until_ms)
{
    struct edict edict = {.until_ms = until_ms};
    struct subject subject;

    subject.len = (uint8_t)strlen(subject_text);
    memcpy(subject.text, subject_text, subject.len + 1u);
    edict_set_name_ban(&edict, part, &subject);
    edict_table_put(table, &edict);
}

static const char *name_banned_by(const struct edict_table *table,
    enum key_part part, const char *subject_text, uint64_t now_ms)
{
    struct subject subject;

    subject.len = (uint8_t)strlen(subject_text);
    memcpy(subject.text, subject_text, subject.len + 1u);
    const struct edict *found =
        edict_table_name_ban(table, part, &subject, now_ms);
    return found == NULL ? "" : found->key;
}

TEST(bans_of_names)
{
    static const struct {
        enum key_part part;
        const char *subject;
        uint64_t now_ms;
        const char *by;
    } rows[] = {
        {KEY_SASL_USERNAME, "u=bob", 0, "sasl:bob"},
        {KEY_SASL_USERNAME, "u=bob", 9, ""},
        {KEY_SASL_USERNAME, "u=bobb", 0, ""},
        {KEY_SASL_USERNAME, "u=bo", 0, ""},
        {KEY_SASL_DOMAIN, "U=bob", 0, ""},
        {KEY_SASL_DOMAIN, "U=example.com", 0, "sasl_domain:example.com"},
        {KEY_SENDER_DOMAIN, "F=example.com", 0, "sender_domain:example.com"},
        {KEY_RECIPIENT_DOMAIN, "T=example.com", 0, ""},
        {KEY_SENDER, "f=a:b@example.com", 0, "sender:a:b@example.com"},
        {KEY_HELO, "h=mx", 0, "helo:mx"},
    };
    const struct cidr client = net("198.51.100.7");
    struct edict_table *table = edict_table_new();

    assert_int_equal(edict_table_banned(table), 0);
    for (unsigned around = 0; around < 2; around++) {
        ban_name(table, KEY_HELO, "h=mx", 9);
        ban_name(table, KEY_SASL_USERNAME, "u=bob", 9);
        ban_name(table, KEY_SENDER, "f=a:b@example.com", 9);
        ban_name(table, KEY_SASL_DOMAIN, "U=example.com", 9);
        ban_name(table, KEY_SENDER_DOMAIN, "F=example.com", 9);
        ban(table, "198.51.0.0/16", 9);
        ban(table, "198.51.100.0/24", 5);
    }
    assert_int_equal(edict_table_count(table, EDICT_BAN), 7);
    assert_int_equal(edict_table_banned(table),
        1u << KEY_CLIENT | 1u << KEY_SASL_USERNAME | 1u << KEY_SASL_DOMAIN |
            1u << KEY_SENDER | 1u << KEY_SENDER_DOMAIN | 1u << KEY_HELO);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(name_banned_by(table, rows[i].part, rows[i].subject,
                                rows[i].now_ms),
            rows[i].by);
    /* Neither kind is in the other's way. */
    assert_string_equal(banned_by(table, "198.51.100.7", 0), "198.51.0.0/16");
    assert_string_equal(
        edict_table_at(table, EDICT_BAN, 0)->key, "198.51.0.0/16");
    assert_string_equal(edict_table_at(table, EDICT_BAN, 2)->key, "sasl:bob");
    assert_true(edict_table_remove(table, EDICT_BAN, "sasl:bob"));
    assert_false(edict_table_remove(table, EDICT_BAN, "sasl:bob"));
    assert_int_equal(edict_table_banned(table) & 1u << KEY_SASL_USERNAME, 0);
    assert_true(edict_table_remove(table, EDICT_BAN, "198.51.0.0/16"));
    assert_true(edict_table_remove(table, EDICT_BAN, "198.51.100.0/24"));
    assert_null(edict_table_ban(table, &client, 0));
    edict_table_expire(table, 9);
    assert_int_equal(edict_table_banned(table), 0);
    edict_table_free(&table);
}

TEST(the_key_of_a_ban_read_again)
{
    static const struct {
        const char *text, *key; /* NULL: it is none */
    } rows[] = {
        {"sasl:bob", "sasl:bob"},
        {"sasl_username:bob", "sasl:bob"},
        {"sender:a:b@c", "sender:a:b@c"},
        {"helo:[2001:db8::1]", "helo:[2001:db8::1]"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"sasl:", NULL},
        {"service:25", NULL},
        {"client:192.0.2.1", NULL},
        {"client_address:192.0.2.1", NULL},
        {"of_tomorrow:x", NULL},
        {":x", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edict edict;
        struct error err;
        bool is_good = edict_set_ban(&edict, rows[i].text, &err);
        assert_int_equal(is_good, rows[i].key != NULL);
        if (is_good)
            assert_string_equal(edict.key, rows[i].key);
    }
}

static void override(struct edict_table *table, const char *limit,
    const char *subject, uint32_t n, uint64_t until_ms)
{
    struct edict edict = {.n = n, .until_ms = until_ms};

    assert_true(edict_set_override(&edict, limit, subject));
    edict_table_put(table, &edict);
}

TEST(a_domain_is_the_default_of_its_logins)
{
    static const struct {
        const char *subject;
        uint32_t n; /* 0: none */
    } rows[] = {
        {"u=bob@example.com", 7}, /* his own */
        {"u=eve@example.com", 3},
        {"u=\"a@b\"@example.com", 3},
        {"s=25|u=eve@example.com", 4},
        {"s=465|u=eve@example.com", 3},
        {"u=eve@example.com|t=x@y.example", 0},
        {"u=eve@b.example|T=example.com", 5},
        {"c=192.0.2.1|u=eve@example.com", 0},
        {"u=eve@sub.example.com", 0},
        {"u=example.com", 0},
        {"u=@example.com", 3},
        {"u=eve@", 0},
        {"f=u=eve@example.com", 0},
        {"u=eve@example.c#0123456789abcdef0123456789abcdef", 0},
        {"u=eve@b.example|T=b.example", 0},
        {"", 0},
    };
    struct edict_table *table = edict_table_new();

    override(table, "day", "u=bob@example.com", 7, 9);
    assert_null(edict_table_override(table, "day", "u=eve@example.com", 0));
    override(table, "day", "U=example.com", 3, 9);
    override(table, "day", "s=25|U=example.com", 4, 9);
    override(table, "day", "U=b.example|T=example.com", 5, 9);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct edict *found =
            edict_table_override(table, "day", rows[i].subject, 0);
        if (found == NULL ? rows[i].n != 0 : found->n != rows[i].n)
            fail_msg("%s", rows[i].subject);
    }
    /* One that is over is none. */
    override(table, "day", "u=bob@example.com", 7, 2);
    assert_int_equal(
        edict_table_override(table, "day", "u=bob@example.com", 5)->n, 3);
    edict_table_expire(table, 9);
    assert_null(edict_table_override(table, "day", "u=eve@example.com", 0));
    edict_table_free(&table);
}

TEST(overrides_are_found_by_limit_and_subject)
{
    static const struct {
        const char *limit, *subject;
        uint64_t now_ms;
        uint32_t n; /* 0: none */
    } rows[] = {
        {"day", "u=bob", 0, 7},
        {"day", "u=bob", 9, 0},
        {"day", "u=bo", 0, 0},
        {"day", "u=bobb", 0, 0},
        {"da", "u=bob", 0, 0},
        {"rate", "s=25|c=192.0.2.1", 0, 2},
        {"rate", "s=25|c=192.0.2.1", 5, 1},
        {"rate", "s=465|c=192.0.2.1", 0, 1},
        {"rate", "c=192.0.2.1", 0, 1},
        {"rate", "s=25", 0, 0},
        {"rate", "", 0, 0},
    };
    struct edict_table *table = edict_table_new();
    struct edict large;
    char subject[EDICT_KEY_SIZE];

    assert_null(edict_table_override(table, "day", "u=bob", 0));
    override(table, "rate", "c=192.0.2.1", 1, 9);
    override(table, "rate", "s=25|c=192.0.2.1", 2, 5);
    override(table, "day", "u=bob", 6, 1);
    override(table, "day", "u=bob", 7, 9);
    assert_int_equal(edict_table_count(table, EDICT_OVERRIDE), 3);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct edict *found = edict_table_override(
            table, rows[i].limit, rows[i].subject, rows[i].now_ms);
        assert_int_equal(found == NULL ? 0 : found->n, rows[i].n);
    }
    assert_string_equal(
        edict_subject(edict_table_at(table, EDICT_OVERRIDE, 0)), "u=bob");
    assert_null(edict_table_at(table, EDICT_OVERRIDE, 3));
    memset(subject, 'x', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    assert_false(edict_set_override(&large, "day", subject));
    assert_null(edict_table_override(table, "day", subject, 0));
    edict_table_free(&table);
}

TEST(texts_are_cut_and_cleaned)
{
    char field[8];

    edict_set_text(field, sizeof field, "a\tb\nc\x7f");
    assert_string_equal(field, "a b c ");
    edict_set_text(field, sizeof field, "0123456789");
    assert_string_equal(field, "0123456");
}

struct list {
    struct cidr nets[300];
    uint64_t until_ms[300];
    size_t count;
};

/* Few bits vary, so that nets often hold one another. */
static struct cidr random_net(void)
{
    struct address address = {.family = ADDRESS_IPV4,
        .bytes = {10, (uint8_t)(rand() % 4 * 64), (uint8_t)(rand() % 4),
            (uint8_t)(rand() % 8)}};

    return cidr_of(&address, (unsigned)(8 + rand() % 25));
}

static uint64_t search(const struct list *list, const struct cidr *client)
{
    uint64_t last_ms = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->until_ms[i] > last_ms &&
            cidr_contains_net(&list->nets[i], client))
            last_ms = list->until_ms[i];
    return last_ms > 100 ? last_ms : 0;
}

/* Sets one, changes one or lifts one, in both. */
static void change(struct edict_table *table, struct list *list)
{
    const struct cidr cidr = random_net();
    char text[CIDR_TEXT_SIZE];
    size_t at = 0;

    cidr_format(&cidr, text);
    while (at < list->count && memcmp(&list->nets[at], &cidr, sizeof cidr) != 0)
        at++;
    if (at < list->count && rand() % 2 == 0) {
        assert_true(edict_table_remove(table, EDICT_BAN, text));
        list->count--;
        list->nets[at] = list->nets[list->count];
        list->until_ms[at] = list->until_ms[list->count];
        return;
    }
    if (at == COUNT(list->nets))
        return;
    if (at == list->count)
        list->count++;
    list->nets[at] = cidr;
    list->until_ms[at] = (uint64_t)(rand() % 300);
    ban(table, text, list->until_ms[at]);
}

TEST(random_bans)
{
    struct edict_table *table = edict_table_new();
    struct list list = {.count = 0};

    srand(6);
    for (int i = 0; i < 20000; i++) {
        change(table, &list);
        assert_int_equal(edict_table_count(table, EDICT_BAN), list.count);
        const struct cidr client = random_net();
        const struct edict *found = edict_table_ban(table, &client, 100);
        assert_int_equal(
            found == NULL ? 0 : found->until_ms, search(&list, &client));
    }
    edict_table_free(&table);
}

RUN_TESTS(NULL, NULL)
