/*
 * test_edicts.c - bans, overrides and boards in a real server, as several
 * daemons see them; and the same verbs on memory:.
 */
#include "tests/unit/store_fixture.h"

#include "common/store/edict_text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct write {
    struct store_edict_request request;
    unsigned answers;
    enum store_edict_result result;
};

static void write_on_done(
    struct store_edict_request *request, enum store_edict_result result)
{
    struct write *write = request->context;
    write->answers++;
    write->result = result;
}

static void write_init(struct write *write, uint64_t life_ms)
{
    memset(write, 0, sizeof *write);
    write->request.life_ms = life_ms;
    write->request.on_done = write_on_done;
    write->request.context = write;
    edict_set_text(
        write->request.edict.who, sizeof write->request.edict.who, "root");
    edict_set_text(write->request.edict.reason,
        sizeof write->request.edict.reason, "a\treason");
}

static enum store_edict_result ban(
    struct fixture *f, struct store *store, const char *net, uint64_t life_ms)
{
    struct write write;
    struct error err;
    write_init(&write, life_ms);
    assert_true(edict_set_ban(&write.request.edict, net, &err));
    store_edict_write(store, &write.request);
    UNTIL(f, write.answers > 0);
    assert_int_equal(write.answers, 1);
    return write.result;
}

static const struct edict *banned(struct store *store, const char *client)
{
    struct cidr cidr;
    struct error err;
    assert_true(cidr_parse(client, &cidr, &err));
    return edict_table_ban(store_edicts(store), &cidr, clock_monotonic_ms());
}

static size_t bans(struct store *store)
{
    return edict_table_count(store_edicts(store), EDICT_BAN);
}

TEST_WITH(fixture_setup, fixture_teardown, every_daemon_obeys_within_a_second)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    uint64_t since_ms = clock_monotonic_ms();
    assert_int_equal(
        ban(f, f->one, "198.51.100.0/24", 60000), STORE_EDICT_DONE);
    /* Whoever asked for it need not wait. */
    assert_non_null(banned(f->one, "198.51.100.7"));
    UNTIL(f, banned(f->two, "198.51.100.7") != NULL);
    assert_true(clock_monotonic_ms() - since_ms < 1000);
    const struct edict *edict = banned(f->two, "198.51.100.7");
    assert_string_equal(edict->who, "root");
    assert_string_equal(edict->reason, "a reason");
    assert_true(edict->until_ms <= clock_monotonic_ms() + 60000);
    assert_true(edict->until_ms > since_ms + 59000);

    since_ms = clock_monotonic_ms();
    assert_int_equal(ban(f, f->two, "198.51.100.0/24", 0), STORE_EDICT_DONE);
    assert_null(banned(f->two, "198.51.100.7"));
    UNTIL(f, banned(f->one, "198.51.100.7") == NULL);
    assert_true(clock_monotonic_ms() - since_ms < 1000);
    assert_int_equal(ban(f, f->one, "198.51.100.0/24", 0), STORE_EDICT_NONE);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 0), STORE_EDICT_NONE);
}

static enum store_edict_result ban_unless_as_long(
    struct fixture *f, struct store *store, const char *key, uint64_t life_ms)
{
    struct write write;
    struct error err;
    write_init(&write, life_ms);
    write.request.keeps_as_long = true;
    write.request.edict.is_automatic = true;
    assert_true(edict_set_ban(&write.request.edict, key, &err));
    store_edict_write(store, &write.request);
    UNTIL(f, write.answers > 0);
    return write.result;
}

static long long version_of_eve(struct fixture *f)
{
    return redis_server_number(&f->server, "EVAL %s 0",
        "return redis.call('ZSCORE', 't:{control}v', 'bsasl:eve') + 0");
}

/* Two that refuse a key at the same time write one ban; a longer one takes the
 * place of a shorter, never the other way. */
TEST_WITH(fixture_setup, fixture_teardown, a_ban_for_as_long_stays)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_int_equal(
        ban_unless_as_long(f, f->one, "sasl:eve", 3600000), STORE_EDICT_DONE);
    long long version = version_of_eve(f);
    assert_int_equal(
        ban_unless_as_long(f, f->two, "sasl:eve", 3600000), STORE_EDICT_KEPT);
    assert_int_equal(
        ban_unless_as_long(f, f->two, "sasl:eve", 1800000), STORE_EDICT_KEPT);
    assert_int_equal(version_of_eve(f), version);
    assert_int_equal(
        ban_unless_as_long(f, f->two, "sasl:eve", 7200000), STORE_EDICT_DONE);
    assert_int_equal(
        ban_unless_as_long(f, f->one, "sasl:eve", 3600000), STORE_EDICT_KEPT);
    /* One that is lifted, or over, is none. */
    assert_int_equal(ban(f, f->one, "sasl:eve", 0), STORE_EDICT_DONE);
    assert_int_equal(
        ban_unless_as_long(f, f->two, "sasl:eve", 400), STORE_EDICT_DONE);
    UNTIL(
        f, ban_unless_as_long(f, f->one, "sasl:eve", 400) == STORE_EDICT_DONE);
}

TEST_WITH(fixture_setup, fixture_teardown, a_ban_ends_by_itself)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 600), STORE_EDICT_DONE);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 60000), STORE_EDICT_DONE);
    UNTIL(f, bans(f->two) == 2);
    UNTIL(f, bans(f->one) == 1 && bans(f->two) == 1);
    assert_non_null(banned(f->two, "192.0.2.2"));
    /* And the next write clears it away in the store. */
    assert_int_equal(ban(f, f->one, "192.0.2.3", 60000), STORE_EDICT_DONE);
    assert_int_equal(redis_server_number(&f->server, "ZCARD t:{control}v"), 3);
    assert_int_equal(redis_server_number(&f->server, "ZCARD t:{control}e"), 3);
    assert_int_equal(redis_server_number(&f->server, "HLEN t:{control}t"), 3);
    assert_true(redis_server_number(&f->server, "PTTL t:{control}v") > 60000);
    assert_true(redis_server_number(&f->server, "PTTL t:{control}e") > 60000);
    assert_true(redis_server_number(&f->server, "PTTL t:{control}t") > 60000);
}

TEST_WITH(fixture_setup, fixture_teardown, overrides)
{
    struct fixture *f = *state;
    struct write write;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    write_init(&write, 60000);
    write.request.edict.n = UINT32_MAX;
    write.request.edict.window_ms = 3600000;
    assert_true(edict_set_override(
        &write.request.edict, "day", "s=25|c=2001:db8::/64"));
    store_edict_write(f->one, &write.request);
    UNTIL(f, edict_table_count(store_edicts(f->two), EDICT_OVERRIDE) == 1);
    const struct edict *edict = edict_table_override(store_edicts(f->two),
        "day", "s=25|c=2001:db8::/64", clock_monotonic_ms());
    assert_non_null(edict);
    assert_int_equal(edict->n, UINT32_MAX);
    assert_int_equal(edict->window_ms, 3600000);
}

/* More than a page, and read anew while they stay in use. */
TEST_WITH(fixture_setup, fixture_teardown, many_survive_a_restart_of_a_daemon)
{
    struct fixture *f = *state;
    char net[32];
    f->one = fixture_open_ready(f);
    for (int i = 0; i < 350; i++) {
        (void)snprintf(net, sizeof net, "10.0.%d.%d", i / 256, i % 256);
        assert_int_equal(ban(f, f->one, net, 60000), STORE_EDICT_DONE);
    }
    f->two = fixture_open(f);
    UNTIL(f, bans(f->two) == 350);
    assert_int_equal(ban(f, f->one, "10.0.0.0", 0), STORE_EDICT_DONE);
    redis_server_do(&f->server, "CLIENT KILL TYPE normal SKIPME yes");
    while (!store_is_available(f->two) || bans(f->two) != 349) {
        assert_non_null(banned(f->two, "10.0.1.1"));
        fixture_turn(f);
    }
    assert_null(banned(f->two, "10.0.0.0"));
    assert_int_equal(bans(f->two), 349);
}

TEST_WITH(
    fixture_setup, fixture_teardown, known_bans_hold_while_the_store_is_away)
{
    struct fixture *f = *state;
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 800), STORE_EDICT_DONE);
    (void)kill(f->server.pid, SIGSTOP);
    uint64_t since_ms = clock_monotonic_ms();
    assert_int_equal(
        ban(f, f->one, "192.0.2.3", 60000), STORE_EDICT_UNAVAILABLE);
    assert_true(clock_monotonic_ms() - since_ms < 2000);
    assert_non_null(banned(f->one, "192.0.2.1"));
    UNTIL(f, banned(f->one, "192.0.2.2") == NULL);
    assert_non_null(banned(f->one, "192.0.2.1"));
    (void)kill(f->server.pid, SIGCONT);
    UNTIL(f, store_is_available(f->one));
    assert_non_null(banned(f->one, "192.0.2.1"));
}

static bool server_has(struct fixture *f, const char *net)
{
    return redis_server_number(&f->server, "HEXISTS t:{control}t b%s", net) ==
           1;
}

/* Two that are in touch, a ban, and one that was lifted. */
static void ban_and_lift(struct fixture *f)
{
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 60000), STORE_EDICT_DONE);
    UNTIL(f, bans(f->two) == 2);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 0), STORE_EDICT_DONE);
}

/* All agree, and so does who comes now: the one ban, as old as it is. */
static void assert_the_one_ban(struct fixture *f)
{
    UNTIL(f, server_has(f, "192.0.2.1/32"));
    /* Twice as long as a poll takes. */
    fixture_turn_for(f, 1000);
    UNTIL(f, bans(f->one) == 1 && bans(f->two) == 1);
    assert_non_null(banned(f->one, "192.0.2.1"));
    assert_non_null(banned(f->two, "192.0.2.1"));
    struct store *fresh = fixture_open(f);
    UNTIL(f, bans(fresh) == 1);
    const struct edict *theirs = banned(fresh, "192.0.2.1");
    const struct edict *ours = banned(f->one, "192.0.2.1");
    assert_non_null(theirs);
    assert_true(theirs->until_ms < ours->until_ms + 2000);
    assert_true(theirs->until_ms + 2000 > ours->until_ms);
    assert_true(theirs->set_ms < ours->set_ms + 2000);
    assert_string_equal(theirs->reason, "a reason");
    store_close(&fresh);
}

TEST_WITH(fixture_setup, fixture_teardown, an_emptied_store_is_told_again)
{
    struct fixture *f = *state;
    ban_and_lift(f);
    redis_server_do(&f->server, "FLUSHALL");
    assert_the_one_ban(f);
    redis_server_do(&f->server, "FLUSHALL");
    redis_server_do(&f->server, "SCRIPT FLUSH");
    assert_the_one_ban(f);
    assert_non_null(banned(f->one, "192.0.2.1"));
}

TEST_WITH(
    fixture_setup, fixture_teardown, a_store_that_starts_empty_is_told_again)
{
    struct fixture *f = *state;
    ban_and_lift(f);
    redis_server_kill(&f->server);
    UNTIL(f, !store_is_available(f->one) && !store_is_available(f->two));
    assert_non_null(banned(f->one, "192.0.2.1"));
    redis_server_run(&f->server);
    assert_the_one_ban(f);
    /* Known by its mark: nothing is written for ever. */
    long long newest = redis_server_number(&f->server, "ZCARD t:{control}v");
    fixture_turn_for(f, 1000);
    assert_int_equal(
        redis_server_number(&f->server, "ZCARD t:{control}v"), newest);
    assert_int_equal(ban(f, f->two, "192.0.2.1", 0), STORE_EDICT_DONE);
    UNTIL(f, bans(f->one) == 0);
}

/* Of three keys that belong together one is evicted. */
TEST_WITH(fixture_setup, fixture_teardown, an_evicted_key_is_noticed)
{
    static const char *const keys[] = {"v", "e", "t"};
    struct fixture *f = *state;
    ban_and_lift(f);
    for (size_t i = 0; i < COUNT(keys); i++) {
        redis_server_do(&f->server, "DEL t:{control}%s", keys[i]);
        UNTIL(f, redis_server_number(
                     &f->server, "EXISTS t:{control}%s", keys[i]) == 1);
        assert_the_one_ban(f);
        assert_int_equal(redis_server_number(&f->server,
                             "EXISTS t:{control}v t:{control}e t:{control}t"),
            3);
    }
}

/* A replica that became the master, or an old dump, does not know the last. */
TEST_WITH(fixture_setup, fixture_teardown, a_server_that_knows_less_is_told)
{
    static const char *const keys[] = {"v", "e", "t"};
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 60000), STORE_EDICT_DONE);
    for (size_t i = 0; i < COUNT(keys); i++)
        redis_server_do(
            &f->server, "COPY t:{control}%s old:%s", keys[i], keys[i]);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    UNTIL(f, bans(f->two) == 2);
    assert_int_equal(ban(f, f->two, "192.0.2.2", 0), STORE_EDICT_DONE);
    UNTIL(f, bans(f->one) == 1);
    for (size_t i = 0; i < COUNT(keys); i++)
        redis_server_do(
            &f->server, "COPY old:%s t:{control}%s REPLACE", keys[i], keys[i]);
    assert_the_one_ban(f);
}

TEST_WITH(fixture_setup, fixture_teardown, many_are_told_again)
{
    struct fixture *f = *state;
    char net[32];
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    for (int i = 0; i < 250; i++) {
        (void)snprintf(net, sizeof net, "10.0.0.%d", i);
        assert_int_equal(ban(f, f->one, net, 60000), STORE_EDICT_DONE);
    }
    UNTIL(f, bans(f->two) == 250);
    redis_server_do(&f->server, "FLUSHALL");
    while (redis_server_number(&f->server, "HLEN t:{control}t") != 251) {
        assert_int_equal(bans(f->one), 250);
        assert_int_equal(bans(f->two), 250);
        fixture_turn(f);
    }
}

TEST_WITH(fixture_setup, fixture_teardown,
    a_daemon_that_was_away_for_long_begins_anew)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 60000), STORE_EDICT_DONE);
    UNTIL(f, bans(f->two) == 2);
    /* Lifted, and forgotten already: as if half a minute had passed. */
    redis_server_do(&f->server, "ZREM t:{control}v b192.0.2.1/32");
    redis_server_do(&f->server, "ZREM t:{control}e b192.0.2.1/32");
    redis_server_do(&f->server, "HDEL t:{control}t b192.0.2.1/32");
    redis_server_do(
        &f->server, "HSET t:{control}t %s %s", "", "9000000000000000");
    redis_server_do(
        &f->server, "ZADD t:{control}v 9000000000000001 b192.0.2.2/32");
    UNTIL(f, bans(f->two) == 1 && bans(f->one) == 1);
    assert_non_null(banned(f->two, "192.0.2.2"));
}

TEST_WITH(fixture_setup, fixture_teardown, the_store_is_full_some_time)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    redis_server_do(&f->server, "EVAL %s 1 t:{control}e",
        "for i = 1, 9999 do redis.call('ZADD', KEYS[1], 9e12, 'x' .. i) end");
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    assert_int_equal(ban(f, f->one, "192.0.2.2", 60000), STORE_EDICT_FULL);
    assert_null(banned(f->one, "192.0.2.2"));
    assert_int_equal(ban(f, f->one, "192.0.2.1", 50000), STORE_EDICT_DONE);
}

TEST_WITH(fixture_setup, fixture_teardown, what_is_malformed_is_passed_over)
{
    struct fixture *f = *state;
    f->one = fixture_open_ready(f);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    redis_server_do(
        &f->server, "HSET t:{control}t b11.0.0.0/7 %s", "1\t0\t0\ta\tb");
    redis_server_do(&f->server, "ZADD t:{control}e 9000000000000 b11.0.0.0/7");
    redis_server_do(
        &f->server, "ZADD t:{control}v 5000000000000000 b11.0.0.0/7");
    UNTIL(f, fixture_logged(f, "a ban or an override that is malformed") == 1);
    assert_int_equal(bans(f->one), 1);
    redis_server_do(&f->server, "DEL t:{control}v");
    redis_server_do(&f->server, "SET t:{control}v x");
    assert_int_equal(
        ban(f, f->one, "192.0.2.2", 60000), STORE_EDICT_UNAVAILABLE);
    assert_true(store_is_available(f->one));
    assert_int_equal(bans(f->one), 1);
}

struct look {
    struct store_board_request request;
    char text[4096];
    unsigned boards, answers;
    enum store_status status;
};

static void look_on_board(
    struct store_board_request *request, const char *text, size_t len)
{
    struct look *look = request->context;
    look->boards++;
    (void)snprintf(look->text, sizeof look->text, "%.*s", (int)len, text);
}

static void look_on_done(
    struct store_board_request *request, enum store_status status)
{
    struct look *look = request->context;
    look->answers++;
    look->status = status;
}

static void look_at(struct fixture *f, struct store *store, struct look *look)
{
    *look = (struct look){.request = {.on_board = look_on_board,
                              .on_done = look_on_done,
                              .context = look}};
    store_board_read(store, &look->request);
    UNTIL(f, look->answers > 0);
    assert_int_equal(look->answers, 1);
}

TEST_WITH(fixture_setup, fixture_teardown, boards_of_the_others)
{
    struct fixture *f = *state;
    struct store *more[12];
    struct look look;
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    look_at(f, f->one, &look);
    assert_int_equal(look.status, STORE_OK);
    assert_int_equal(look.boards, 0);
    store_board_show(f->one, "mine", 4);
    for (size_t i = 0; i < COUNT(more); i++) {
        more[i] = fixture_open_ready(f);
        store_board_show(more[i], "another's", 9);
    }
    /* Two commands of two connections: the last of them has been read. */
    UNTIL(f, redis_server_number(&f->server, "HLEN t:{control}b") == 13);
    look_at(f, f->one, &look);
    assert_int_equal(look.boards, COUNT(more));
    assert_string_equal(look.text, "another's");
    for (size_t i = 0; i < COUNT(more); i++)
        store_close(&more[i]);
    (void)kill(f->server.pid, SIGSTOP);
    look_at(f, f->one, &look);
    assert_int_equal(look.status, STORE_UNAVAILABLE);
}

TEST_WITH(fixture_setup, fixture_teardown, who_has_gone_is_not_answered)
{
    struct fixture *f = *state;
    struct write write;
    struct look look = {.request = {.on_board = look_on_board,
                            .on_done = look_on_done,
                            .context = &look}};
    struct error err;
    f->one = fixture_open_ready(f);
    write_init(&write, 60000);
    assert_true(edict_set_ban(&write.request.edict, "192.0.2.1", &err));
    store_edict_write(f->one, &write.request);
    store_edict_cancel(f->one, &write.request);
    store_board_read(f->one, &look.request);
    store_board_cancel(f->one, &look.request);
    UNTIL(f, bans(f->one) == 1); /* it was on its way */
    assert_int_equal(write.answers, 0);
    assert_int_equal(look.answers, 0);
    store_edict_write(f->one, &write.request);
    store_close(&f->one);
    assert_null(write.request.errand);
}

TEST_WITH(fixture_setup, fixture_teardown, memory_has_them_alone)
{
    struct fixture *f = *state;
    static char memory[] = "memory:";
    char net[32];
    struct look look;
    f->config.store = memory;
    f->one = fixture_open(f);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 0), STORE_EDICT_NONE);
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_DONE);
    assert_non_null(banned(f->one, "192.0.2.1"));
    assert_int_equal(ban(f, f->one, "192.0.2.1", 0), STORE_EDICT_DONE);
    assert_null(banned(f->one, "192.0.2.1"));
    assert_int_equal(ban(f, f->one, "192.0.2.1", 50), STORE_EDICT_DONE);
    UNTIL(f, banned(f->one, "192.0.2.1") == NULL);
    for (int i = 0; i < EDICTS_MAX; i++) {
        (void)snprintf(net, sizeof net, "10.0.%d.%d", i / 256, i % 256);
        assert_int_equal(ban(f, f->one, net, 60000), STORE_EDICT_DONE);
    }
    assert_int_equal(ban(f, f->one, "192.0.2.1", 60000), STORE_EDICT_FULL);
    assert_int_equal(ban(f, f->one, "10.0.1.1", 60000), STORE_EDICT_DONE);
    look_at(f, f->one, &look);
    assert_int_equal(look.status, STORE_OK);
}

TEST(texts_that_are_none)
{
    static const char *const ids[] = {
        "", "b", "x192.0.2.1", "b192.0.2.1/33", "bname", "oday", "b11.0.0.0/7"};
    static const char *const texts[] = {"", "1", "1\t2", "1\t2\tme",
        "x\t2\ta\tb", "1\t\ta\tb", "4294967296\t2\ta\tb", "-1\t2\ta\tb",
        "1\t99999999999999999999\ta\tb", "1 2 a b"};
    char large[EDICT_TEXT_SIZE + EDICT_KEY_SIZE];
    struct edict edict;

    for (size_t i = 0; i < COUNT(ids); i++)
        assert_false(edict_read_id(&edict, ids[i], strlen(ids[i])));
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(edict_read_text(&edict, texts[i], strlen(texts[i])));
    assert_false(edict_read_id(&edict, "oday\0 u=a", 9));
    memset(large, 'o', sizeof large);
    assert_false(edict_read_id(&edict, large, sizeof large));
    assert_false(edict_read_text(&edict, large, sizeof large));
    assert_true(edict_read_id(&edict, "oday u=a b", 10));
    assert_string_equal(edict_subject(&edict), "u=a b");
    assert_true(edict_read_text(&edict, "1\t2\t\t", 5));
    assert_string_equal(edict.reason, "");
    assert_string_equal(edict.action, "");
}

TEST(actions)
{
    static const char text[] = "0\t0\tme\tspam\tHOLD for %{key}";
    static const char *const none[] = {"0\t0\tme\tspam\t", "0\t0\tme\tspam\tOK",
        "0\t0\tme\tspam\tHOLD\tmore", "0\t0\tme\tspam\t550 %{limit}"};
    struct edict edict, net;
    char back[EDICT_TEXT_SIZE];

    assert_true(edict_read_id(&edict, "bsasl:bob", 9));
    assert_true(edict_read_text(&edict, text, strlen(text)));
    assert_string_equal(edict.action, "HOLD for %{key}");
    assert_string_equal(edict.reason, "spam");
    assert_int_equal(edict_write_text(&edict, back), strlen(text));
    assert_string_equal(back, text);
    assert_true(edict_read_id(&net, "b192.0.2.0/24", 13));
    assert_true(edict_read_text(&net, text, strlen(text)));
    assert_string_equal(net.action, "");
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_true(edict_read_text(&edict, none[i], strlen(none[i])));
        assert_string_equal(edict.action, "");
        assert_string_equal(edict.reason, "spam");
    }
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
