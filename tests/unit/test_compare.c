/*
 * test_compare.c - what a new configuration takes away, and what of it nobody
 * loses because a file was empty, half-written or cut.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/config/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64], include_path[80];

static void write_file(const char *to, const char *text, size_t len)
{
    FILE *out = fopen(to, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(out);
}

static struct config *load_len(const char *text, size_t len, struct error *err)
{
    struct config_source source = {.path = path};

    write_file(path, text, len);
    return config_load(&source, err);
}

static struct config *load(const char *text)
{
    struct error err = {""};
    struct config *config = load_len(text, strlen(text), &err);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

#define SERVICE \
    "service \"in\" { port = 25 proxied = true trusted_proxies = { " \
    "\"192.0.2.1\", \"192.0.2.2\" } frontends = { \"192.0.2.9:25\" } }\n"
#define LIMIT(name) \
    "limit \"" name "\" { event = \"message\" key = { \"client\" } " \
    "rate = \"3/1h\" at = \"policy\" }\n"
#define LISTEN(text) "policyd { listen = { " text " } }\n"
#define POLICY       "\"policy:unix:/p\""

static const struct {
    const char *before, *after;
    const char *gained, *lost, *guarded;
} cases[] = {
    {SERVICE "shadow = false\n", SERVICE "shadow = false\n", "", "", ""},
    {"# nothing\n", SERVICE LIMIT("a"), "service \"in\"; limit \"a\"", "", ""},
    {SERVICE "shadow = false\n", "shadow = false\n", "", "service \"in\"",
        "the proof of service \"in\"; the frontends of service \"in\""},
    /* Another length counts others together. */
    {"limit \"a\" { event = \"message\" key = { \"client/64\" } "
     "rate = \"3/1h\" at = \"policy\" }\n" LISTEN(POLICY),
        "limit \"a\" { event = \"message\" key = { \"client/48\" } "
        "rate = \"3/1h\" at = \"policy\" }\n" LISTEN(POLICY),
        "limit \"a\": key client/48", "limit \"a\": key client/64", ""},
    /* The port is still proven, whatever the section is called. */
    {SERVICE "shadow = false\n",
        "service \"mx\" { port = 25 proxied = true trusted_proxies = { "
        "\"192.0.2.1\" } frontends = { \"192.0.2.9:25\" } }\nshadow = false\n",
        "service \"mx\"", "service \"in\"", ""},
    {SERVICE "shadow = false\n",
        "service \"in\" { port = 25 proxied = true trusted_proxies = { "
        "\"192.0.2.1\" } proof = \"off\" }\nshadow = false\n",
        "service \"in\": proof",
        "service \"in\": trusted_proxies 192.0.2.2; service \"in\": frontends "
        "192.0.2.9:25",
        "the proof of service \"in\"; the frontends of service \"in\""},
    {"service \"in\" { names = { \"a\", \"b\" } proxied = true "
     "trusted_proxies = { \"192.0.2.1\" } }\n",
        "service \"in\" { names = { \"a\" } proxied = true "
        "trusted_proxies = { \"192.0.2.1\" } }\n",
        "", "service \"in\": names b", "the proof of service \"b\""},
    /* One of several limits, unless it was the end of the file. */
    {LIMIT("a") LIMIT("b"), LIMIT("b"), "", "limit \"a\"", ""},
    {LIMIT("a") "shadow = false\n", "shadow = false\n", "", "limit \"a\"",
        "every limit"},
    {"client_limits_at = \"policy\"\nclient_message_rate_limit = 3\n"
     "shadow = false\n",
        "client_limits_at = \"policy\"\nclient_message_rate_limit = 0\n"
        "shadow = false\n",
        "", "", "every limit"},
    {LISTEN(POLICY ", \"sni:unix:/s\""), LISTEN(POLICY), "",
        "policyd.listen sni:unix:/s", "the listener sni:unix:/s"},
    {"milter { listen = \"unix:/m\" }\n", "milter { listen = \"\" }\n", "", "",
        "the milter's listener unix:/m"},
};

static void assert_joined(
    const struct config_texts *texts, const char *expected, size_t at)
{
    char joined[600];

    config_texts_join(texts, joined, sizeof joined);
    if (strcmp(joined, expected) != 0)
        fail_msg("case %zu: \"%s\", not \"%s\"", at, joined, expected);
}

TEST(what_is_gained_lost_and_guarded)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *before = load(cases[i].before);
        struct config *after = load(cases[i].after);
        struct config_changes changes;
        config_compare(before, after, &changes);
        assert_joined(&changes.gained, cases[i].gained, i);
        assert_joined(&changes.lost, cases[i].lost, i);
        assert_joined(&changes.guarded, cases[i].guarded, i);
        config_changes_clear(&changes);
        config_unref(&before);
        config_unref(&after);
    }
}

#define TELLS(words) \
    "limit \"a\" { event = \"message\" key = { \"client\" } rate = \"3/1h\" " \
    "at = \"policy\" notify = { " words " } }\n" LISTEN(POLICY)

TEST(no_password_is_shown)
{
    static const struct {
        const char *before, *after, *lost, *gained;
    } secrets[] = {
        {"store_password = \"hunter2\"\n#\n", "#\n", "store_password", ""},
        {TELLS("\"https://bob:hunter2@h:1\""), TELLS("\"http://h/hunter2\""),
            "limit \"a\": notify https://h:1/(hidden)",
            "limit \"a\": notify http://h/(hidden)"},
        {TELLS("\"/c\", \"-uhttps://h/hunter2\""), TELLS("\"/c\""),
            "limit \"a\": notify -uhttps://h/(hidden)", ""},
    };

    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        struct config *before = load(secrets[i].before);
        struct config *after = load(secrets[i].after);
        struct config_changes changes;
        config_compare(before, after, &changes);
        assert_joined(&changes.lost, secrets[i].lost, i);
        assert_joined(&changes.gained, secrets[i].gained, i);
        config_changes_clear(&changes);
        config_unref(&before);
        config_unref(&after);
    }
}

TEST(a_long_list_is_counted)
{
    char item[] = "abcdefghij";
    char *items[] = {item, item, item};
    const struct config_texts texts = {items, 3};
    char joined[50];

    config_texts_join(&texts, joined, sizeof joined);
    assert_string_equal(joined, "abcdefghij; and 2 more");
}

static const char whole[] =
    "# what was accepted\n"
    "client_limits_at = \"policy\"\n"
    "client_message_rate_limit = 300\n"
    "on_store_failure = \"defer\"\n"
    "exempt_clients = { \"127.0.0.0/8\", \"198.51.100.1\" }\n" SERVICE LISTEN(
        POLICY) LIMIT("a") LIMIT("b") "client_ipv6_prefix_length = 56\n"
                                      "drain_timeout = \"5s\"\n"
                                      "client_recipient_rate_limit = 1000\n";

/* Each is refused, or lacks nothing. */
static void assert_no_cut_passes(
    const struct config *accepted, const char *text, size_t len)
{
    for (size_t at = 0; at < len; at++) {
        struct error err;
        struct config_changes changes;
        struct config *cut = load_len(text, at, &err);
        if (cut == NULL)
            continue;
        config_compare(accepted, cut, &changes);
        if (changes.guarded.count == 0)
            fail_msg("cut at %zu passes", at);
        config_changes_clear(&changes);
        config_unref(&cut);
    }
}

TEST(a_file_that_was_cut_anywhere)
{
    struct config *accepted = load(whole);

    assert_true(sizeof whole > 200);
    assert_no_cut_passes(accepted, whole, sizeof whole - 1);
    config_unref(&accepted);
}

/* The new form of the file is written over the old one, and has a line more
 * and one less. */
TEST(a_new_form_that_was_cut_anywhere)
{
    struct config *accepted = load(whole);
    const char *rest = strstr(whole, "client_message_rate_limit");
    const char *after_it = strchr(rest, '\n') + 1;
    char *text = xprintf(
        "log_level = \"warn\"\n%.*s%s", (int)(rest - whole), whole, after_it);

    assert_no_cut_passes(accepted, text, strlen(text));
    free(text);
    config_unref(&accepted);
}

TEST(an_included_file_that_was_cut)
{
    static const char limits[] = LIMIT("a") LIMIT("b");
    char *text = xprintf("include(\"%s\")\nshadow = false\n", include_path);

    write_file(include_path, limits, sizeof limits - 1);
    struct config *accepted = load(text);
    for (size_t at = 0; at < sizeof limits - 1; at++) {
        struct config_changes changes;
        struct error err;
        write_file(include_path, limits, at);
        struct config *cut = load_len(text, strlen(text), &err);
        if (cut == NULL)
            continue;
        config_compare(accepted, cut, &changes);
        assert_true(changes.guarded.count > 0);
        config_changes_clear(&changes);
        config_unref(&cut);
    }
    struct config *without = load("shadow = false\n");
    struct config_changes changes;
    config_compare(accepted, without, &changes);
    assert_int_equal(changes.guarded.count, 2);
    assert_string_equal(changes.guarded.items[0], "every limit");
    assert_non_null(strstr(changes.guarded.items[1], include_path));
    config_changes_clear(&changes);
    config_unref(&without);
    config_unref(&accepted);
    free(text);
}

static int make_paths(void **state)
{
    snprintf(path, sizeof path, "/tmp/tollgate-compare-XXXXXX");
    int fd = mkstemp(path);
    if (fd == -1)
        return -1;
    close(fd);
    snprintf(include_path, sizeof include_path, "%s.limits", path);
    return 0;
}

static int remove_paths(void **state)
{
    unlink(include_path);
    return unlink(path);
}

RUN_TESTS(make_paths, remove_paths)
