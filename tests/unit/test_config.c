/*
 * test_config.c - what a loaded snapshot holds, and how two compare.
 *
 * Texts and errors are tests/data/config's business (test_config_files.c).
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/config/config.h"
#include "common/core/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *path; /* the file under test, made by setup */

static int setup(void **state)
{
    path = xstrdup("/tmp/tollgate-test-XXXXXX");
    int fd = mkstemp(path);
    return fd == -1 ? -1 : close(fd);
}

static int teardown(void **state)
{
    int result = unlink(path);
    free(path);
    return result;
}

static struct config *try_load(const char *text, struct error *err)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    /* An empty file is an error. */
    fputs(*text == '\0' ? "# nothing\n" : text, out);
    fclose(out);
    struct config_source source = {.path = path};
    return config_load(&source, err);
}

static struct config *load(const char *text)
{
    struct error err = {""};
    struct config *config = try_load(text, &err);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

TEST(defaults)
{
    struct config *config = load("");
    assert_string_equal(config->store, "memory:");
    assert_int_equal(config->store_timeout_ms, 100);
    assert_int_equal(config->on_store_failure, STORE_FAILURE_LOCAL);
    assert_int_equal(config->lease_ttl_ms, 30000);
    assert_int_equal(config->client.at, 0);
    assert_int_equal(config->rate_time_unit_ms, 60000);
    assert_int_equal(config->prefixes.ipv4, 32);
    assert_int_equal(config->prefixes.ipv6, 64);
    assert_int_equal(config->limit_count, 0);
    assert_int_equal(config->service_count, 0);
    assert_int_equal(config->policyd.listen.count, 3);
    assert_string_equal(config->policyd.listen.items[2].face, "anvil-pass");
    assert_string_equal(
        config->policyd.listen.items[2].path, "/run/tollgate/anvil");
    assert_int_equal(config->policyd.socket_mode, 0660);
    assert_int_equal(config->policyd.allowed_peers.count, 1);
    assert_true(config->policyd.anvil_greeting);
    assert_int_equal(config->drain_timeout_ms, 20000);
    assert_int_equal(config->log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_true(strlen(config->instance_name) > 0);
    assert_int_equal(strlen(config->hash), 16);
    config_unref(&config);
    assert_null(config);
}

TEST(client_limits)
{
    static const struct {
        const char *window;
        const char *rate_name, *message_name;
        enum limit_window kind;
        uint8_t field;
    } cases[] = {
        {"sliding", "r", "m", LIMIT_WINDOW_SLIDING, 0},
        {"fixed", "f", "f", LIMIT_WINDOW_FIXED, EVENT_MESSAGE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = xprintf("client_limits_at = \"anvil\"\n"
                             "client_connection_count_limit = 3\n"
                             "client_connection_rate_limit = 60\n"
                             "client_message_rate_limit = 5\n"
                             "rate_window = \"%s\"\n"
                             "shadow = true\n",
            cases[i].window);
        struct config *config = load(text);
        assert_int_equal(config->limit_count, 3);
        const struct limit *count = &config->limits[0];
        const struct limit *rate = &config->limits[1];
        const struct limit *message = &config->limits[2];
        assert_string_equal(count->name, "client_connection_count_limit");
        assert_string_equal(count->store_name, "c");
        assert_int_equal(count->kind, LIMIT_COUNT);
        assert_int_equal(count->window, LIMIT_WINDOW_SLIDING);
        assert_int_equal(count->n, 3);
        assert_string_equal(rate->store_name, cases[i].rate_name);
        assert_string_equal(message->store_name, cases[i].message_name);
        assert_int_equal(message->window, cases[i].kind);
        assert_int_equal(message->field, cases[i].field);
        assert_int_equal(message->window_ms, 60000);
        assert_int_equal(message->key, 1u << KEY_CLIENT | 1u << KEY_SERVICE);
        assert_int_equal(message->at, FACE_ANVIL);
        assert_true(message->shadow);
        assert_non_null(message->services);
        assert_null(message->services[0]);
        const struct config_feed *feed =
            &config->feeds[FACE_ANVIL][EVENT_MESSAGE];
        assert_int_equal(feed->count, 1);
        assert_ptr_equal(feed->limits[0], message);
        assert_int_equal(config->feeds[FACE_POLICY][EVENT_MESSAGE].count, 0);
        config_unref(&config);
        free(text);
    }
}

TEST(limit_sections)
{
    struct config *config =
        load("on_store_failure = \"defer\"\n"
             "limit \"a\" { event = \"message\" key = { \"client\", \"helo\" }"
             " rate = \"20/30min\" window = \"fixed\" services = { \"25\" }"
             " clients = { \"192.0.2.0/24\" } authenticated = \"no\" }\n"
             "limit \"b\" { event = \"message\" key = { \"client\" }"
             " rate = \"5/1s\" on_store_failure = \"local\" shadow = true }\n"
             "limit \"c\" { event = \"connection_count\" key = { \"client\" }"
             " count = 9 }\n"
             "limit \"d\" { event = \"recipient\" key = { \"client\" }"
             " max_per_message = 7 action = \"REJECT too many\" }\n");
    assert_int_equal(config->limit_count, 4);
    const struct limit *a = &config->limits[0], *b = &config->limits[1];
    const struct limit *c = &config->limits[2], *d = &config->limits[3];

    assert_string_equal(a->store_name, "f:a");
    assert_int_equal(a->at, FACE_POLICY); /* anvil knows no helo */
    assert_int_equal(a->key, 1u << KEY_CLIENT | 1u << KEY_HELO);
    assert_int_equal(a->n, 20);
    assert_int_equal(a->window_ms, 1800000);
    assert_int_equal(a->window, LIMIT_WINDOW_FIXED);
    assert_string_equal(a->services[0], "25");
    assert_int_equal(a->clients.count, 1);
    assert_int_equal(a->authenticated, LIMIT_AUTH_NO);
    assert_int_equal(a->on_store_failure, STORE_FAILURE_DEFER);
    assert_string_equal(
        a->action, "450 4.7.1 Error: too much mail from %{key}");
    assert_false(a->shadow);

    assert_string_equal(b->store_name, "s:b");
    assert_int_equal(b->at, FACE_ANVIL); /* the first that can */
    assert_int_equal(b->on_store_failure, STORE_FAILURE_LOCAL);
    assert_true(b->shadow);

    assert_string_equal(c->store_name, "c:c");
    assert_int_equal(c->kind, LIMIT_COUNT);
    assert_int_equal(c->n, 9);

    assert_int_equal(d->kind, LIMIT_PER_MESSAGE);
    assert_int_equal(d->at, FACE_POLICY);
    assert_int_equal(d->n, 7);
    assert_string_equal(d->action, "REJECT too many");

    assert_int_equal(config->feeds[FACE_POLICY][EVENT_MESSAGE].count, 1);
    assert_int_equal(config->feeds[FACE_ANVIL][EVENT_MESSAGE].count, 1);
    config_unref(&config);
}

TEST(default_face_has_a_listener)
{
    struct config *config =
        load("policyd { listen = { \"policy:unix:/run/t/p\" } }\n"
             "limit \"a\" { event = \"message\" key = { \"client\" }"
             " rate = \"1/1s\" }\n");
    assert_int_equal(config->limits[0].at, FACE_POLICY);
    config_unref(&config);
}

TEST(service_titles)
{
    struct config *config =
        load("service \"mx\" { names = { \"25\", \"smtp\" } }\n"
             "service \"submission\" { }\n");
    assert_string_equal(config_service_title(config, "smtp"), "mx");
    assert_string_equal(config_service_title(config, "mx"), "mx");
    assert_string_equal(
        config_service_title(config, "submission"), "submission");
    assert_string_equal(config_service_title(config, "SMTP"), "SMTP");
    assert_string_equal(config_service_title(config, ""), "");
    config_unref(&config);
}

TEST(listeners)
{
    struct config *config =
        load("policyd { listen = { \"policy:inet:[::1]:10040\","
             " \"policy:inet:127.0.0.1:1\", \"anvil:unix:/a:b\" } }\n");
    const struct config_listeners *listen = &config->policyd.listen;
    assert_int_equal(listen->count, 3);
    assert_true(listen->items[0].is_inet);
    assert_string_equal(listen->items[0].host, "::1");
    assert_int_equal(listen->items[0].port, 10040);
    assert_string_equal(listen->items[1].host, "127.0.0.1");
    assert_int_equal(listen->items[1].port, 1);
    assert_false(listen->items[2].is_inet);
    assert_string_equal(listen->items[2].path, "/a:b");
    assert_string_equal(listen->items[2].text, "anvil:unix:/a:b");
    config_unref(&config);
}

static char *show(const struct config *config, enum config_show what)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_show(config, what, out);
    fclose(out);
    return text;
}

static const char full[] =
    "store = \"redis://h/1\"\n"
    "instance_name = 'a\"b\\\\${c}'\n"
    "client_limits_at = \"policy\"\n"
    "client_message_rate_limit = 5\n"
    "exempt_clients = { \"192.0.2.0/24\", \"2001:db8::/32\" }\n"
    "service \"mx\" { names = { \"25\" } }\n"
    "limit \"a\" { event = \"recipient\" key = { \"sasl_username\" }"
    " rate = \"500/1d\" action = \"450 4.7.1 %{limit}\" }\n"
    "limit \"b\" { event = \"connection_count\" key = { \"client\" }"
    " count = 10 }\n"
    "policyd { listen = { \"policy:unix:/p\", \"anvil:unix:/a\" } }\n";

TEST(show_loads_again)
{
    static const enum config_show kinds[] = {
        CONFIG_SHOW_ALL, CONFIG_SHOW_CHANGED};
    const char *name;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct config *config = load(full);
        char *text = show(config, kinds[i]);
        struct config *again = load(text);
        char *second = show(again, kinds[i]);
        assert_string_equal(text, second);
        assert_string_equal(config->hash, again->hash);
        assert_string_equal(config->instance_name, again->instance_name);
        assert_int_equal(config_restart_options(config, again, &name, 1), 0);
        free(text);
        free(second);
        config_unref(&again);
        config_unref(&config);
    }
}

TEST(show_defaults)
{
    struct config *config = load(full);
    struct config *empty = load("");
    char *text = show(config, CONFIG_SHOW_DEFAULTS);
    struct config *again = load(text);
    assert_string_equal(again->hash, empty->hash);
    assert_string_not_equal(again->hash, config->hash);
    free(text);
    config_unref(&again);
    config_unref(&empty);
    config_unref(&config);
}

#define NOTIFY(words) \
    "limit \"a\" { event = \"message\" key = { \"client\" } rate = \"1/1s\"" \
    " notify = { " words " } }\n"

TEST(show_hides_passwords)
{
    static const char *const texts[] = {
        "store = \"redis://bob:hunter2@h\"\n",
        "store = \"redis://:hunter2@h/1\"\n",
        "store = \"redis://bob:hunter2%2Fhunter2@h\"\n",
        "store_password = \"hunter2\"\n",
        NOTIFY("\"https://bob:hunter2@h/hunter2?hunter2\""),
        NOTIFY("\"/bin/curl\", \"HTTPS://h/hunter2\""),
        NOTIFY("\"/bin/curl\", \"--url=https://h/hunter2\""),
        NOTIFY("\"/bin/curl\", \"https://h:x/hunter2#hunter2\""),
        NOTIFY("\"/bin/curl\", \"https://bob:hunter2/hunter2@h/\""),
        NOTIFY("\"/bin/mail\", \"smtp://bob:hunter2@h\""),
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config *config = load(texts[i]);
        char *text = show(config, CONFIG_SHOW_ALL);
        assert_null(strstr(text, "hunter2"));
        assert_non_null(strstr(text, "(hidden)"));
        free(text);
        config_unref(&config);
    }
}

/* What is hidden is no part of the hash, and yet a change. */
TEST(a_secret_that_changes)
{
    static const char *const texts[][2] = {
        {NOTIFY("\"https://h/a\""), NOTIFY("\"https://h/b\"")},
        {"store_password = \"a\"\n", "store_password = \"b\"\n"},
        {"store = \"redis://:a@h\"\n", "store = \"redis://:b@h\"\n"},
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config *before = load(texts[i][0]);
        struct config *again = load(texts[i][0]);
        struct config *after = load(texts[i][1]);
        assert_string_equal(before->hash, after->hash);
        assert_true(config_is_same(before, again));
        assert_false(config_is_same(before, after));
        config_unref(&after);
        config_unref(&again);
        config_unref(&before);
    }
}

TEST(needs_restart)
{
    static const struct {
        const char *before, *after;
        const char *option; /* NULL: a reload does it */
    } cases[] = {
        {"", "", NULL},
        {"", "store = \"redis://h\"\n", "store"},
        {"store_password = \"a\"\n", "store_password = \"b\"\n",
            "store_password"},
        {"lease_ttl = \"30s\"\n", "lease_ttl = \"30000ms\"\n", NULL},
        {"", "policyd { http = \"\" }\n", "policyd.http"},
        {"", "log_level = \"debug\"\nshadow = true\n", NULL},
        {"",
            "limit \"a\" { event = \"message\" key = { \"client\" }"
            " rate = \"1/1s\" }\n",
            NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *before = load(cases[i].before);
        struct config *after = load(cases[i].after);
        const char *option = NULL;
        size_t count = config_restart_options(before, after, &option, 1);
        assert_int_equal(count, cases[i].option != NULL);
        if (count > 0)
            assert_string_equal(option, cases[i].option);
        config_unref(&after);
        config_unref(&before);
    }
}

/* Under the sanitizers this also shows that nothing leaks. */
TEST(reload_is_harmless)
{
    struct config *config = load(full);
    struct config *first = config_ref(config);
    char hash[17];
    memcpy(hash, config->hash, sizeof hash);
    for (int i = 0; i < 200; i++) {
        struct error err = {""};
        struct config *next =
            try_load(i % 3 == 0 ? "shadow = \"unclosed\n" : full, &err);
        if (i % 3 == 0) {
            assert_null(next);
            assert_true(strlen(err.text) > 0);
            continue;
        }
        assert_non_null(next);
        config_unref(&config);
        config = next;
        assert_string_equal(config->hash, hash);
    }
    assert_string_equal(first->store, "redis://h/1");
    config_unref(&first);
    config_unref(&config);
}

TEST(client_store_names)
{
    assert_string_equal(
        config_client_store_name(EVENT_CONNECTION_COUNT, LIMIT_WINDOW_FIXED),
        "c");
    assert_string_equal(
        config_client_store_name(EVENT_AUTH, LIMIT_WINDOW_FIXED), "f");
    assert_string_equal(
        config_client_store_name(EVENT_AUTH, LIMIT_WINDOW_SLIDING), "a");
    assert_null(config_client_store_name(EVENT_BYTES, LIMIT_WINDOW_FIXED));
}

RUN_TESTS(setup, teardown)
