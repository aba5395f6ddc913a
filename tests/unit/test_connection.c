/* test_connection.c - calls and replies, on a server that misbehaves. */
#include "tests/unit/connection_fixture.h"
#include "tests/unit/run_delay.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TEST(pipelined_and_split)
{
    struct fixture f;
    struct echo echoes[60];
    link_start(&f, false);
    f.fake.is_slow = true;
    f.settings.timeout_ms = 5000;
    link_connect(&f);
    for (size_t i = 0; i < COUNT(echoes); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "number %zu", i);
        assert_true(echo_send(&f, &echoes[i], text));
    }
    UNTIL(&f, echoes[COUNT(echoes) - 1].answers > 0);
    for (size_t i = 0; i < COUNT(echoes); i++)
        echo_assert(&echoes[i]);
    link_stop(&f);
}

TEST(late_reply)
{
    struct fixture f;
    struct echo late, next;
    link_start(&f, false);
    link_connect(&f);
    f.fake.is_silent = true;
    assert_true(echo_send(&f, &late, "late"));
    UNTIL(&f, late.answers > 0);
    assert_true(late.is_lost);
    uint64_t waited_ms = late.answered_ms - late.sent_ms;
    assert_true(waited_ms >= TIMEOUT_MS);
    assert_true(waited_ms < TIMEOUT_MS + 20 + late.delay_ms);

    assert_true(echo_send(&f, &next, "next"));
    UNTIL(&f, strstr(f.fake.seen, "next") != NULL);
    fake_redis_release(&f.fake);
    UNTIL(&f, next.answers > 0);
    echo_assert(&next);
    assert_int_equal(late.answers, 1);
    assert_int_equal(f.lost, 0);
    link_stop(&f);
}

/* A deadline of its own, earlier than that of calls before it. */
TEST(own_timeout)
{
    struct fixture f;
    struct echo first, second;
    link_start(&f, false);
    link_connect(&f);
    f.fake.is_silent = true;
    assert_true(echo_send(&f, &first, "first"));
    second = (struct echo){
        .call = {
            .on_reply = echo_on_reply, .context = &second, .timeout_ms = 10}};
    second.sent_ms = clock_monotonic_ms();
    second.delay_ms = run_delay_ms();
    const char *argv[] = {"ECHO", "second"};
    const size_t lens[] = {4, 6};
    assert_true(
        redis_connection_call(f.connection, &second.call, 2, argv, lens));
    UNTIL(&f, second.answers > 0);
    assert_true(second.answered_ms - second.sent_ms < 30 + second.delay_ms);
    UNTIL(&f, first.answers > 0);
    assert_true(first.answered_ms - first.sent_ms >= TIMEOUT_MS);
    link_stop(&f);
}

TEST(cut_in_a_reply)
{
    struct fixture f;
    struct echo echoes[3];
    link_start(&f, false);
    link_connect(&f);
    f.fake.is_silent = true;
    for (size_t i = 0; i < COUNT(echoes); i++)
        assert_true(echo_send(&f, &echoes[i], "x"));
    UNTIL(&f, f.fake.held_len > 0);
    f.fake.is_silent = false;
    fake_redis_send(&f.fake, "$1\r\nx\r\n$1\r", 10);
    UNTIL(&f, echoes[0].answers > 0);
    fake_redis_hang_up(&f.fake);
    UNTIL(&f, f.lost == 1);
    echo_assert(&echoes[0]);
    assert_true(echoes[1].answers == 1 && echoes[1].is_lost);
    assert_true(echoes[2].answers == 1 && echoes[2].is_lost);
    UNTIL(&f, f.ready == 2);
    link_assert_works(&f);
    link_stop(&f);
}

TEST(malformed)
{
    static const char *const bytes[] = {
        "hello\r\n", "*1025\r\n", "*2\r\n:1\r\n?\r\n", "+OK\r\n+OK\r\n"};
    struct fixture f;
    struct echo echo;
    link_start(&f, false);
    link_connect(&f);
    for (unsigned i = 0; i < COUNT(bytes); i++) {
        f.fake.is_silent = true;
        assert_true(echo_send(&f, &echo, "x"));
        UNTIL(&f, f.fake.held_len > 0);
        f.fake.is_silent = false;
        fake_redis_send(&f.fake, bytes[i], strlen(bytes[i]));
        UNTIL(&f, f.lost == i + 1);
        assert_int_equal(echo.answers, 1);
        assert_non_null(strstr(
            f.reason, i + 1 < COUNT(bytes) ? "malformed" : "to nothing"));
        UNTIL(&f, f.ready == i + 2);
        link_assert_works(&f);
    }
    link_stop(&f);
}

TEST(cancel)
{
    struct fixture f;
    struct echo gone, stays;
    link_start(&f, false);
    link_connect(&f);
    assert_true(echo_send(&f, &gone, "gone"));
    assert_true(echo_send(&f, &stays, "stays"));
    redis_connection_cancel(&gone.call);
    redis_connection_cancel(&gone.call);
    UNTIL(&f, stays.answers > 0);
    echo_assert(&stays);
    assert_int_equal(gone.answers, 0);
    link_stop(&f);
}

TEST(too_many)
{
    struct fixture f;
    struct echo echoes[101];
    link_start(&f, false);
    f.settings.timeout_ms = 5000;
    link_connect(&f);
    for (size_t i = 0; i < 100; i++)
        assert_true(echo_send(&f, &echoes[i], "x"));
    assert_false(echo_send(&f, &echoes[100], "x"));
    UNTIL(&f, echoes[99].answers > 0);
    assert_true(echo_send(&f, &echoes[100], "x"));
    UNTIL(&f, echoes[100].answers > 0);
    link_stop(&f);
}

TEST(load_script_again)
{
    struct fixture f;
    link_start(&f, false);
    link_connect(&f);
    f.fake.seen_len = 0;
    redis_connection_load_script(f.connection);
    redis_connection_load_script(f.connection);
    link_assert_works(&f);
    assert_string_equal(f.fake.seen, "SCRIPT LOAD return 1;ECHO works;");
    redis_connection_load_script(f.connection);
    link_assert_works(&f);
    assert_int_equal(f.ready, 1);
    link_stop(&f);
}

TEST(drop)
{
    struct fixture f;
    struct echo echo;
    link_start(&f, false);
    link_connect(&f);
    assert_true(echo_send(&f, &echo, "x"));
    redis_connection_drop(f.connection, "READONLY");
    assert_true(echo.answers == 1 && echo.is_lost);
    assert_string_equal(f.reason, "READONLY");
    redis_connection_drop(f.connection, "again");
    assert_int_equal(f.lost, 1);
    UNTIL(&f, f.ready == 2);
    assert_int_equal(f.fake.accepted, 2);
    link_stop(&f);
}

TEST(silence_makes_it_anew)
{
    struct fixture f;
    struct echo echo;
    link_start(&f, false);
    link_connect(&f);
    f.fake.is_silent = true;
    assert_true(echo_send(&f, &echo, "x"));
    uint64_t since_ms = clock_monotonic_ms();
    UNTIL(&f, f.lost == 1);
    uint64_t waited_ms = clock_monotonic_ms() - since_ms;
    assert_true(waited_ms >= REDIS_SILENCE_MS - 5);
    assert_int_equal(echo.answers, 1);
    f.fake.is_silent = false;
    UNTIL(&f, f.ready == 2);
    link_stop(&f);
}

/* Names that cannot be found, and servers that are not there, are tried
 * again; going away in between is no problem. */
/* A face may ask again, cancel others or drop the link in its answer. */
struct busybody {
    struct redis_call call;
    struct fixture *f;
    struct redis_call *other;
    unsigned answers;
};

static void on_busybody(struct redis_call *call, const redisReply *reply)
{
    struct busybody *busy = call->context;
    const char *argv[] = {"ECHO", "again"};
    const size_t lens[] = {4, 5};
    busy->answers++;
    if (busy->other != NULL)
        redis_connection_cancel(busy->other);
    if (reply == NULL)
        return;
    assert_true(
        redis_connection_call(busy->f->connection, &busy->call, 2, argv, lens));
    if (busy->answers == 3)
        redis_connection_drop(busy->f->connection, "had enough");
}

TEST(busy_callbacks)
{
    struct fixture f;
    struct busybody busy = {.f = &f};
    struct echo other;
    link_start(&f, false);
    link_connect(&f);
    busy.call = (struct redis_call){.on_reply = on_busybody, .context = &busy};
    busy.other = &other.call;
    const char *argv[] = {"ECHO", "first"};
    const size_t lens[] = {4, 5};
    assert_true(redis_connection_call(f.connection, &busy.call, 2, argv, lens));
    assert_true(echo_send(&f, &other, "other"));
    UNTIL(&f, busy.answers == 4);
    assert_int_equal(other.answers, 0);
    assert_int_equal(f.lost, 1);
    UNTIL(&f, f.ready == 2);
    link_stop(&f);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return run_all_tests(NULL, NULL);
}
