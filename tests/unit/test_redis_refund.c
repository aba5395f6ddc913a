/*
 * test_redis_refund.c - charges with a receipt, and taken back, by store.lua
 * in a real server: exactly those units go, and nothing grows.
 */
#include "tests/unit/redis_server.h"
#include "tests/unit/unit.h"

#include "common/store/script_call.h"
#include "common/store/store_lua.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

static const struct script_holder holder = {.prefix = "t"};
static const struct subject subject = {.len = 5, .text = "u=bob"};

struct fixture {
    struct redis_server server;
    char sha[41];
    struct script_call call;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    redis_server_init(&f->server);
    redis_server_run(&f->server);
    redisReply *reply =
        redisCommand(f->server.client, "SCRIPT LOAD %s", store_lua);
    assert_int_equal(reply->len, 40);
    memcpy(f->sha, reply->str, 40);
    freeReplyObject(reply);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    redis_server_clear(&f->server);
    free(f);
    return 0;
}

static struct charge charge_of(
    const char *name, uint32_t limit, uint32_t amount, uint64_t window_ms)
{
    return (struct charge){
        .kind = CHARGE_SLIDING,
        .subject = &subject,
        .name = name,
        .limit = limit,
        .amount = amount,
        .window_ms = window_ms,
    };
}

static redisReply *send_call(struct fixture *f)
{
    redisReply *reply = redisCommandArgv(
        f->server.client, f->call.argc, f->call.argv, f->call.argv_len);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply == NULL ? "no reply" : reply->str);
    return reply;
}

/* The moment of the receipt. */
static uint64_t take(struct fixture *f, struct charge *charges, size_t count)
{
    uint64_t charged_ms;
    script_call_begin(&f->call, &holder, f->sha, count, SCRIPT_RECEIPT);
    for (size_t i = 0; i < count; i++)
        script_call_add(&f->call, &charges[i], 0);
    redisReply *reply = send_call(f);
    assert_true(script_reply_read_receipt(reply, charges, count, &charged_ms));
    freeReplyObject(reply);
    return charged_ms;
}

static void refund(
    struct fixture *f, const struct charge *charge, uint64_t charged_ms)
{
    script_call_begin(&f->call, &holder, f->sha, 1, SCRIPT_REFUND);
    script_call_add_refund(&f->call, charge, charged_ms);
    freeReplyObject(send_call(f));
}

static uint32_t used(struct fixture *f, const struct charge *charge)
{
    struct charge peeked = *charge;
    script_call_begin(&f->call, &holder, f->sha, 1, SCRIPT_PEEK);
    script_call_add(&f->call, charge, 0);
    redisReply *reply = send_call(f);
    assert_true(script_reply_read(reply, &peeked, 1, true));
    freeReplyObject(reply);
    return peeked.used;
}

static long long length(struct fixture *f, const char *name)
{
    return redis_server_number(
        &f->server, "STRLEN t:{%s}s%s", subject.text, name);
}

TEST_WITH(setup, teardown, all_comes_back)
{
    struct fixture *f = *state;
    struct charge charge = charge_of("n", 5, 3, 60000);
    uint64_t charged_ms = take(f, &charge, 1);
    assert_int_equal(charge.used, 3);
    assert_false(charge.refused);
    refund(f, &charge, charged_ms);
    assert_int_equal(redis_server_number(&f->server, "DBSIZE"), 0);
    charge.amount = 5;
    (void)take(f, &charge, 1);
    assert_false(charge.refused);
    (void)take(f, &charge, 1);
    assert_true(charge.refused);
    assert_int_equal(charge.used, 5);
}

/* Several in a call: one refuses, and nothing is charged. */
TEST_WITH(setup, teardown, receipt_of_a_refusal)
{
    struct fixture *f = *state;
    struct charge charges[] = {
        charge_of("a", 5, 1, 60000), charge_of("b", 1, 2, 60000)};
    (void)take(f, charges, 2);
    assert_false(charges[0].refused);
    assert_true(charges[1].refused);
    assert_int_equal(charges[1].retry_ms, CHARGE_NEVER);
    assert_int_equal(redis_server_number(&f->server, "DBSIZE"), 0);
}

/* Entries before and after it stay as they are. */
TEST_WITH(setup, teardown, only_those_units_go)
{
    struct fixture *f = *state;
    struct charge charges[3];
    uint64_t charged_ms[3];
    for (size_t i = 0; i < COUNT(charges); i++) {
        charges[i] = charge_of("n", 16, (uint32_t)i + 2, 60000);
        charged_ms[i] = take(f, &charges[i], 1);
        (void)poll(NULL, 0, 3); /* an entry each: S is 1 ms */
    }
    assert_int_equal(used(f, &charges[0]), 2 + 3 + 4);
    assert_int_equal(length(f, "n"), 6 + 3 * 12);
    refund(f, &charges[1], charged_ms[1]);
    assert_int_equal(used(f, &charges[0]), 2 + 4);
    assert_int_equal(length(f, "n"), 6 + 2 * 12);
    /* A part of what an entry holds. */
    charges[2].amount = 1;
    refund(f, &charges[2], charged_ms[2]);
    assert_int_equal(used(f, &charges[0]), 2 + 3);
    assert_int_equal(length(f, "n"), 6 + 2 * 12);
    /* More than there is; a moment after all; a key that is gone. */
    charges[2].amount = 100;
    refund(f, &charges[2], charged_ms[2]);
    assert_int_equal(used(f, &charges[0]), 2);
    refund(f, &charges[0], charged_ms[2] + 1);
    assert_int_equal(used(f, &charges[0]), 2);
    redis_server_do(&f->server, "FLUSHALL");
    refund(f, &charges[0], charged_ms[0]);
    assert_int_equal(redis_server_number(&f->server, "DBSIZE"), 0);
}

/* Units that were merged into a later entry are found there. */
TEST_WITH(setup, teardown, merged_units_are_found)
{
    struct fixture *f = *state;
    struct charge charge = charge_of("n", 100, 2, 3600000);
    uint64_t charged_ms = take(f, &charge, 1);
    (void)poll(NULL, 0, 3);
    (void)take(
        f, &charge, 1); /* the same sixteenth of an hour, nearly always */
    refund(f, &charge, charged_ms);
    assert_int_equal(used(f, &charge), 2);
}

/* By a moment that is too early: of the oldest that may hold them, on from one
 * to the next, and nothing where some may have left their window. */
TEST_WITH(setup, teardown, an_early_moment)
{
    struct fixture *f = *state;
    struct charge charges[3];
    uint64_t charged_ms[3];
    for (size_t i = 0; i < COUNT(charges); i++) {
        charges[i] = charge_of("n", 16, 2, 60000);
        charged_ms[i] = take(f, &charges[i], 1);
        (void)poll(NULL, 0, 3);
    }
    charges[1].amount = 3;
    refund(f, &charges[1], charged_ms[0] + 1);
    assert_int_equal(used(f, &charges[0]), 3);
    assert_int_equal(length(f, "n"), 6 + 2 * 12);
    refund(f, &charges[1], charged_ms[2] - 60001);
    assert_int_equal(used(f, &charges[0]), 3);
    refund(f, &charges[1], charged_ms[0] - 1);
    assert_int_equal(used(f, &charges[0]), 0);
}

/* Whoever is refused again and again does not make the value grow. */
TEST_WITH(setup, teardown, refunds_leave_nothing)
{
    struct fixture *f = *state;
    struct charge base = charge_of("n", 16, 1, 60000);
    (void)take(f, &base, 1);
    for (int i = 0; i < 200; i++) {
        struct charge charge = charge_of("n", 16, 2, 60000);
        refund(f, &charge, take(f, &charge, 1));
        assert_false(charge.refused);
    }
    assert_int_equal(length(f, "n"), 18);
    assert_int_equal(used(f, &base), 1);
    assert_between(
        redis_server_number(&f->server, "PTTL t:{u=bob}sn"), 60000, 65000);
}

int main(void)
{
    if (!redis_server_exists())
        return 77;
    return run_all_tests(NULL, NULL);
}
