/* test_greeting.c - ways to a server, and how it receives us. */
#include "tests/unit/connection_fixture.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TEST(handshake)
{
    struct fixture f;
    char username[] = "bob", password[] = "s3cret";
    link_start(&f, false);
    f.settings.url.username = username;
    f.settings.url.password = password;
    f.settings.url.db = 3;
    link_connect(&f);
    assert_string_equal(f.fake.seen,
        "AUTH bob s3cret;SELECT 3;CLIENT SETNAME test;"
        "SCRIPT LOAD return 1;");
    assert_string_equal(redis_connection_script_sha(f.connection), FAKE_SHA);
    link_assert_works(&f);
    link_stop(&f);
}

TEST(password_alone)
{
    struct fixture f;
    char password[] = "s3cret";
    link_start(&f, false);
    f.settings.url.password = password;
    link_connect(&f);
    assert_string_equal(
        f.fake.seen, "AUTH s3cret;CLIENT SETNAME test;SCRIPT LOAD return 1;");
    link_stop(&f);
}

TEST(wrong_password)
{
    struct fixture f;
    char password[] = "s3cret";
    link_start(&f, false);
    f.settings.url.password = password;
    f.fake.auth_reply = "-WRONGPASS with args beginning with: 's3cret'\r\n";
    f.connection = redis_connection_new(f.base, &f.settings);
    uint64_t since_ms = clock_monotonic_ms();
    UNTIL(&f, f.lost == 4);
    /* At the least half of 50, 100 and 200 ms between the four. */
    assert_true(clock_monotonic_ms() - since_ms >= 170);
    assert_string_equal(f.reason, "AUTH refused: WRONGPASS");
    assert_false(redis_connection_is_ready(f.connection));
    struct echo echo;
    assert_false(echo_send(&f, &echo, "x"));
    f.fake.auth_reply = NULL;
    UNTIL(&f, f.ready == 1);
    link_assert_works(&f);
    link_stop(&f);
}

TEST(name_refused)
{
    struct fixture f;
    link_start(&f, false);
    f.fake.name_reply = "-DENIED Redis is running in protected mode\r\n";
    f.connection = redis_connection_new(f.base, &f.settings);
    UNTIL(&f, f.lost == 1);
    assert_non_null(strstr(f.reason, "DENIED Redis is running in protected"));
    f.fake.name_reply = "-ERR max number of clients reached\r\n";
    UNTIL(&f, f.lost == 2);
    f.fake.name_reply = "-NOAUTH Authentication required.\r\n";
    UNTIL(&f, f.lost == 3);
    f.fake.name_reply = ":1\r\n";
    UNTIL(&f, f.lost == 4);
    f.fake.name_reply = "-NOPERM this user may not\r\n";
    UNTIL(&f, f.ready == 1);
    assert_int_equal(f.lost, 4);
    link_stop(&f);
}

/* Who knows no CLIENT says so in words of his own. */
TEST(name_unknown)
{
    static const char *const replies[] = {
        "-ERR unknown command 'CLIENT'\r\n",
        "-unsupported command 'CLIENT'\r\n",
        "-ERR invalid request\r\n",
        "-ERR Proxy: command not allowed\r\n",
        "-\r\n",
    };
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct fixture f;
        link_start(&f, false);
        f.fake.name_reply = replies[i];
        f.connection = redis_connection_new(f.base, &f.settings);
        UNTIL(&f, f.ready == 1);
        assert_int_equal(f.lost, 0);
        link_assert_works(&f);
        link_stop(&f);
    }
}

TEST(script_refused)
{
    struct fixture f;
    link_start(&f, false);
    f.fake.script_reply = "-LOADING Redis is\x1b loading\r\n";
    f.connection = redis_connection_new(f.base, &f.settings);
    UNTIL(&f, f.lost == 1);
    assert_string_equal(
        f.reason, "SCRIPT LOAD refused: LOADING Redis is\\x1b loading");
    f.fake.script_reply = "+OK\r\n"; /* no SHA-1 */
    UNTIL(&f, f.lost == 2);
    f.fake.script_reply = NULL;
    UNTIL(&f, f.ready == 1);
    link_stop(&f);
}

TEST(names_and_addresses)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct fixture f;
        char host[32];
        link_start(&f, true);
        (void)snprintf(host, sizeof host, "%s", hosts[i]);
        f.settings.url = (struct redis_url){.host = host, .port = f.fake.port};
        link_connect(&f);
        link_assert_works(&f);
        link_stop(&f);
    }
}

TEST(nobody_there)
{
    struct fixture f;
    char host[] = "no-such-host.invalid", path[] = "/nonexistent/socket";
    link_start(&f, false);
    f.settings.url = (struct redis_url){.host = host, .port = 1};
    f.connection = redis_connection_new(f.base, &f.settings);
    for (int i = 0; i < 20; i++)
        link_turn(&f);
    redis_connection_free(&f.connection);
    f.lost = 0;
    f.settings.url = (struct redis_url){.unix_path = path};
    f.connection = redis_connection_new(f.base, &f.settings);
    UNTIL(&f, f.lost == 3);
    assert_string_equal(f.reason, "No such file or directory");
    link_stop(&f);
}

/* Nothing of a lookup is left when the connection goes (the sanitizers look).
 */
TEST(freed_while_a_name_is_looked_up)
{
    struct fixture f;
    char host[] = "no-such-host.invalid";
    link_start(&f, false);
    f.settings.url = (struct redis_url){.host = host, .port = 1};
    f.connection = redis_connection_new(f.base, &f.settings);
    (void)event_base_loop(f.base, EVLOOP_ONCE); /* it has asked */
    redis_connection_free(&f.connection);
    link_turn(&f);
    link_stop(&f);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return run_all_tests(NULL, NULL);
}
