/*
 * test_redis_room.c - how full a real server is, as a store sees it.
 */
#include "tests/unit/store_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* As a daemon sees it that has just connected. */
static struct store_room room_now(struct fixture *f)
{
    store_close(&f->one);
    f->one = fixture_open_ready(f);
    UNTIL(f, store_state_of(f->one).room.trouble != STORE_ROOM_UNKNOWN);
    return store_state_of(f->one).room;
}

static void assert_said(const struct store_room *room, const char *text)
{
    char said[STORE_ROOM_TEXT];
    store_room_describe(room, said);
    if (strstr(said, text) == NULL)
        fail_msg("%s", said);
}

TEST_WITH(fixture_setup, fixture_teardown, bounds)
{
    struct fixture *f = *state;
    struct store_room room = room_now(f);
    assert_int_equal(room.trouble, STORE_ROOM_UNBOUNDED);
    assert_int_equal(room.max, 0);
    assert_true(room.used > 100000);
    assert_said(&room, "has no maxmemory");
    assert_int_equal(fixture_logged(f, "memory: it has no maxmemory"), 1);

    redis_server_do(&f->server, "CONFIG SET maxmemory 100mb");
    room = room_now(f);
    assert_int_equal(room.trouble, STORE_ROOM_FINE);
    assert_int_equal(room.max, 100 << 20);
    assert_string_equal(room.policy, "noeviction");
    assert_said(&room, "");

    redis_server_do(&f->server, "CONFIG SET maxmemory %llu",
        (unsigned long long)room.used * 10 / 9);
    room = room_now(f);
    assert_int_equal(room.trouble, STORE_ROOM_FULL);
    assert_said(&room, "% full; when it is full each daemon counts alone");
    assert_int_equal(fixture_logged(f, "% full"), 1);
}

TEST_WITH(fixture_setup, fixture_teardown, evictions)
{
    struct fixture *f = *state;
    redis_server_do(&f->server, "CONFIG SET maxmemory-policy allkeys-lru");
    redis_server_do(&f->server, "CONFIG SET maxmemory 3mb");
    redis_server_do(&f->server, "EVAL %s 0",
        "local text = string.rep('x', 1000) "
        "for i = 1, 9000 do redis.call('SET', 'k' .. i, text) end");
    redis_server_do(&f->server, "SET more %s", "x");
    struct store_room room = room_now(f);
    assert_int_equal(room.trouble, STORE_ROOM_EVICTS);
    assert_true(room.evicted > 0);
    assert_string_equal(room.policy, "allkeys-lru");
    assert_said(&room, "keys (allkeys-lru): counters were forgotten");
}

static size_t refusals(struct fixture *f)
{
    redisReply *reply = redisCommand(f->server.client, "ACL LOG");
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    size_t count = reply->elements;
    freeReplyObject(reply);
    return count;
}

TEST_WITH(fixture_setup, fixture_teardown, who_may_not_ask_knows_nothing)
{
    struct fixture *f = *state;
    redis_server_do(&f->server, "ACL SETUSER default -info");
    f->one = fixture_open_ready(f);
    UNTIL(f, refusals(f) > 0);
    /* Its answer comes after that one. */
    assert_true(fixture_charge(f, f->one, "a", CHARGE_SLIDING, 5, NULL));
    struct store_room room = store_state_of(f->one).room;
    assert_int_equal(room.trouble, STORE_ROOM_UNKNOWN);
    assert_said(&room, "unknown");
    assert_true(store_is_available(f->one));
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (!redis_server_exists()) {
        (void)printf("skipped: there is no redis-server here\n");
        return 77;
    }
    return run_all_tests(NULL, NULL);
}
