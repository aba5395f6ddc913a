/*
 * test_redis_flood.c - a server that would have us keep more and more.
 */
#include "tests/unit/store_fixture.h"

#include "common/store/redis_store_internal.h"

#include <signal.h>
#include <stdio.h>

#define MORE 50

/* As if by control.lua, but past its bound: $1 is how many. */
static const char ban_many[] =
    "for i = 1, ARGV[1] do "
    "local id = 'b10.' .. math.floor(i / 256) .. '.' .. i % 256 .. '.0/24' "
    "redis.call('ZADD', 't:{control}v', 5000000000000000 + i, id) "
    "redis.call('ZADD', 't:{control}e', 9000000000000, id) "
    "redis.call('HSET', 't:{control}t', id, '1\\t0\\t0\\ta\\tb') end "
    "return 1";

TEST_WITH(fixture_setup, fixture_teardown, bans_without_end)
{
    struct fixture *f = *state;

    redis_server_do(&f->server, "EVAL %s 0 %d", ban_many, EDICTS_MAX + MORE);
    f->one = fixture_open_ready(f);
    UNTIL(f, fixture_logged(f, "or one too many") > 0);
    assert_int_equal(
        edict_table_count(store_edicts(f->one), EDICT_BAN), EDICTS_MAX);
    assert_true(store_is_available(f->one));
}

TEST_WITH(fixture_setup, fixture_teardown, nodes_without_end)
{
    struct fixture *f = *state;
    char url[] = "redis+cluster://127.0.0.1:1";
    struct config config = f->config;
    struct lease_table *leases = lease_table_new();
    struct edict_table *edicts = edict_table_new();
    struct memory_store *memory = memory_store_new(1000);
    struct error err;
    unsigned count = 0;

    config.store = url;
    struct redis_store *store =
        redis_store_open(f->base, NULL, &config, leases, memory, &edicts, &err);
    assert_non_null(store);
    while (count < 10000 &&
           redis_slots_node(store, "192.0.2.1", (uint16_t)(1 + count)) != NULL)
        count++;
    assert_between(count, CLUSTER_MASTERS_MAX, 4 * CLUSTER_MASTERS_MAX);
    assert_non_null(redis_slots_node(store, "192.0.2.1", 1));
    redis_store_close(&store);
    memory_store_free(&memory);
    edict_table_free(&edicts);
    lease_table_free(&leases);
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
