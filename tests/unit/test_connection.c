/* test_connection.c - greeting, calls and replies. */
#include "tests/unit/connection_stage.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void test_handshake(void **state)
{
    struct connection_stage f;
    char username[] = "bob", password[] = "s3cret";
    (void)state;
    connection_stage_start(&f, false);
    f.settings.url.username = username;
    f.settings.url.password = password;
    f.settings.url.db = 3;
    connection_stage_connect(&f);
    assert_string_equal(f.fake.seen,
        "AUTH bob s3cret;SELECT 3;CLIENT SETNAME test;"
        "SCRIPT LOAD return 1;");
    assert_string_equal(redis_connection_script_sha(f.connection), FAKE_SHA);
    assert_works(&f);
    connection_stage_stop(&f);
}

static void test_password_alone(void **state)
{
    struct connection_stage f;
    char password[] = "s3cret";
    (void)state;
    connection_stage_start(&f, false);
    f.settings.url.password = password;
    connection_stage_connect(&f);
    assert_string_equal(
        f.fake.seen, "AUTH s3cret;CLIENT SETNAME test;SCRIPT LOAD return 1;");
    connection_stage_stop(&f);
}

static void test_wrong_password(void **state)
{
    struct connection_stage f;
    char password[] = "s3cret";
    (void)state;
    connection_stage_start(&f, false);
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
    assert_false(send_echo(&f, &echo, "x"));
    f.fake.auth_reply = NULL;
    UNTIL(&f, f.ready == 1);
    assert_works(&f);
    connection_stage_stop(&f);
}

static void test_name_refused(void **state)
{
    struct connection_stage f;
    (void)state;
    connection_stage_start(&f, false);
    f.fake.name_reply = "-DENIED Redis is running in protected mode\r\n";
    f.connection = redis_connection_new(f.base, &f.settings);
    UNTIL(&f, f.lost == 1);
    assert_non_null(strstr(f.reason, "DENIED Redis is running in protected"));
    f.fake.name_reply = "-NOPERM this user may not\r\n";
    UNTIL(&f, f.ready == 1);
    assert_int_equal(f.lost, 1);
    connection_stage_stop(&f);
}

static void test_script_refused(void **state)
{
    struct connection_stage f;
    (void)state;
    connection_stage_start(&f, false);
    f.fake.script_reply = "-LOADING Redis is\x1b loading\r\n";
    f.connection = redis_connection_new(f.base, &f.settings);
    UNTIL(&f, f.lost == 1);
    assert_string_equal(
        f.reason, "SCRIPT LOAD refused: LOADING Redis is\\x1b loading");
    f.fake.script_reply = "+OK\r\n"; /* no SHA-1 */
    UNTIL(&f, f.lost == 2);
    f.fake.script_reply = NULL;
    UNTIL(&f, f.ready == 1);
    connection_stage_stop(&f);
}

static void test_pipelined_and_split(void **state)
{
    struct connection_stage f;
    struct echo echoes[60];
    (void)state;
    connection_stage_start(&f, false);
    f.fake.is_slow = true;
    f.settings.timeout_ms = 5000;
    connection_stage_connect(&f);
    for (size_t i = 0; i < COUNT(echoes); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "number %zu", i);
        assert_true(send_echo(&f, &echoes[i], text));
    }
    UNTIL(&f, echoes[COUNT(echoes) - 1].answers > 0);
    for (size_t i = 0; i < COUNT(echoes); i++)
        assert_echoed(&echoes[i]);
    connection_stage_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_password_alone),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_name_refused),
        cmocka_unit_test(test_script_refused),
        cmocka_unit_test(test_pipelined_and_split),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
